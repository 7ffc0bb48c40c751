"""Country names and codes of publishers where they differ from ISO 3166.

Publishers: the World Bank, UNCTAD, the IMF, the Heritage Foundation, the Fraser Institute, WITS, the CIA and Comtrade. List
each name once, in any order of its words: `names.folded_name` ignores abbreviations and order, so that "Korea, Rep." and
"Republic of Korea" are the same name.
"""

from __future__ import annotations

from typing import Final

CODES: Final = {
    "ADO": "AND", "BYS": "BLR", "DHY": "BEN", "FXX": "FRA", "HVO": "BFA", "IMY": "IMN",
    "KOS": "_KS", "KSV": "_KS", "MNT": "MNE", "OWID_CZS": "CSK", "OWID_GDR": "DDR",
    "OWID_KOS": "_KS", "OWID_SRM": "SCG", "OWID_USS": "SUN", "OWID_YGS": "YUG", "RHO": "ZWE", "ROM": "ROU",
    "SER": "SRB", "SVU": "SUN", "TMP": "TLS", "TWN": "S19", "UVK": "_KS", "WBG": "PSE", "XKO": "_KS", "XKV": "_KS",
    "XKX": "_KS", "ZAR": "COD",
}  # fmt: skip
"""Code to Comtrade's label: ISO's code of Taiwan, withdrawn ISO codes, and codes of the World Bank, WITS, the IMF and Our
World in Data. Ambiguous codes are not listed: CHI (Channel Islands to the World Bank, Chile to the Olympics), BUR (Burma,
Burkina Faso), OAS (Other Asia, Organization of American States)."""

SETTING_CODES: Final = {"BLX": "BEL", "LUX+BEL": "BEL", "ETF": "ETH", "SUD": "SDN"}
"""Codes of predecessors, accepted in settings only: there a label means every code that ever had it."""

USUAL: Final = {
    "america": "USA", "belgium luxembourg": "BEL", "britain": "GBR", "emirates": "ARE", "england": "GBR", "frg": "DEU",
    "gdr": "DDR", "hol": "NLD", "ina": "IDN", "kitts st": "KNA", "mas": "MYS", "ned": "NLD", "prc": "CHN",
    "rok": "KOR", "rsa": "ZAF", "sin": "SGP", "sui": "CHE",
}  # fmt: skip
"""Folded names and codes that people type, such as those of sports; for suggestions only, never taken for the country."""

CODES_ALPHA_2: Final = {"EL": "GRC", "UK": "GBR", "XK": "_KS"}
"""Two-letter codes of Eurostat and the World Bank that differ from ISO."""

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "ANT": ("Netherlands Antilles", "Neth. Antilles", "Netherlands Antilles and Aruba"),
    "ARE": ("UAE", "Utd. Arab Em.", "Unit. Arab Em."),
    "ATF": ("French South Antarctic Territories", "Fr. South Antarctic Terr."),
    "ATG": ("Antigua",),
    "BES": ("Bonaire", "Bonaire, Saint Eustatius and Saba", "Caribbean Netherlands"),
    "BFA": ("Burkina", "Upper Volta"),
    "BIH": ("Bosnia Herzegovina", "Bosnia-Hercegovina", "Bosnia"),
    "BLR": ("Byelorussia", "Belorussia"),
    "BRN": ("Brunei", "Negara Brunei Darussalam"),
    "CAF": ("C.A.R.", "Cent. Afr. Rep."),
    "CCK": ("Cocos Islands",),
    "CHE": ("Switzerland, Liechtenstein", "Switz.Liecht"),
    "CHN": ("China, mainland", "China, P.R.: Mainland", "PR China"),
    "CIV": ("Cote d Ivoire", "Ivory Coast"),
    "COD": ("DR Congo", "Congo (Kinshasa)", "Zaire", "DRC",
            "Congo, Dem. R."),
    "COG": ("Congo (Brazzaville)",),
    "CPV": ("Cape Verde",),
    "CSK": ("Czechoslovakia",),
    "DDR": ("German Democratic Republic", "Dem. Rep. of Germany", "East Germany"),
    "DEU": ("West Germany",),
    "EGY": ("United Arab Republic",),
    "ESH": ("Sahrawi Arab Democratic Republic",),
    "ETH": ("Ethiopia (includes Eritrea)", "Ethiopia (excludes Eritrea)", "Ethiopia, incl. Eritrea"),
    "FJI": ("Fiji Islands",),
    "FLK": ("Falkland Islands", "Falkland Islands (Islas Malvinas)"),
    "FRA": ("Metropolitan France", "France, Monaco"),
    "FRO": ("Faeroe Islands",),
    "FSM": ("Micronesia", "Micronesia (country)", "FS Micronesia"),
    "GBR": ("Great Britain", "UK", "Great Britain and Northern Ireland"),
    "GLP": ("Guadeloupe (Overseas France)",),
    "GUF": ("French Guiana (Overseas France)", "French Guyana"),
    "HKG": ("Hong Kong SAR", "Hong Kong (China)", "China, P.R.: Hong Kong"),
    "IND": ("India, excl. Sikkim",),
    "KGZ": ("Kirghizia", "Kyrgyz"),
    "KHM": ("Kampuchea", "Democratic Kampuchea"),
    "KNA": ("Saint Kitts, Nevis and Anguilla",),
    "LAO": ("Lao PDR",),
    "LBY": ("Libyan Arab Jamahiriya", "Libyan Arab Jamahiriy", "Socialist People's Libyan Arab Jamahiriya"),
    "LKA": ("Ceylon",),
    "MAC": ("Macau", "Macao SAR", "Macau SAR", "China, Macau SAR", "Macao (China)", "Macau (China)",
            "China, P.R.: Macao", "China, P.R.: Macau"),
    "MAF": ("Saint Martin", "Collectivity of Saint Martin"),
    "MDV": ("Maldives Islands",),
    "MKD": ("Macedonia", "Macedonia, FYR", "TFYR of Macedonia", "Republic of Macedonia",
            "The former Yugoslav Republic of Macedonia"),
    "MMR": ("Burma", "Burma (Myanmar)", "Union of Myanmar"),
    "MTQ": ("Martinique (Overseas France)",),
    "MYT": ("Mayotte (Overseas France)",),
    "NLD": ("Holland",),
    "NOR": ("Norway, Svalbard and Jan Mayen", "Norway, excluding Svalbard and Jan Mayen"),
    "PAK": ("East and West Pakistan",),
    "PAN": ("Panama, excl. Canal Zone",),
    "PCI": ("Pacific Islands", "Pacific Islands (Trust Territory)"),
    "PCN": ("Pitcairn Islands",),
    "PCZ": ("Panama-Canal-Zone",),
    "PNG": ("Pap. New Guinea",),
    "PRI": ("Puerto Rico (US)",),
    "PRK": ("Korea, D.P.R.O.", "DPR Korea", "Dem. Rep. Korea"),
    "PSE": ("West Bank and Gaza", "Palestine", "Occupied Palestinian Territory", "Palestinian Territories",
            "Palestinian Authority", "Occ.Pal.Terr", "West Bank and Gaza Strip"),
    "PYF": ("Fr. Polynesia",),
    "REU": ("Réunion (Overseas France)",),
    "RUS": ("Russia", "Russian Fed."),
    "RWA": ("Republic of Rwanda",),
    "S19": ("Chinese Taipei", "Taiwan, China", "Other Asia, nes", "Other Asia, not elsewhere specified", "Taiwan Province",
            "Separate Customs Territory of Taiwan, Penghu, Kinmen and Matsu"),
    "SCG": ("Serbia and Montenegro", "State Union of Serbia and Montenegro",
            "Yugoslavia, FR (Serbia/Montenegro)"),
    "SHN": ("Saint Helena",),
    "SJM": ("Svalbard and Jan Mayen Islands",),
    "SRB": ("Serbia, FR(Serbia/Montenegro)",),
    "STP": ("Sao Tome",),
    "SUN": ("USSR", "Soviet Union", "Union of Soviet Socialist Republics"),
    "SUR": ("Surinam",),
    "SWZ": ("Swaziland",),
    "SXM": ("Sint Maarten", "Saint Maarten", "Saint Maarten (Dutch part)"),
    "TCD": ("Tchad",),
    "TLS": ("East Timor",),
    "TTO": ("Trinidad Tobago",),
    "TUR": ("Turkey", "Turkey (Turkiye)"),
    "USA": ("USA", "US", "USA and Puerto Rico", "USA, Puerto Rico and US Virgin Islands",
            "United States and Puerto Rico"),
    "VAT": ("Vatican", "Vatican City", "Holy See", "Holy See (Vatican City)", "Vatican City State"),
    "VCT": ("Saint Vincent",),
    "VDR": ("Dem. Rep. of Vietnam", "North Vietnam"),
    "VEN": ("Venezuela, RB", "Republica Bolivariana de Venezuela", "Venezuela, Rep. Bolivariana de"),
    "VNM": ("Rep. of Vietnam", "South Vietnam"),
    "WLF": ("Wallis and Futuna Islands", "Wallis and Futura Isl."),
    "WSM": ("Western Samoa",),
    "YEM": ("Yemen Arab Republic", "North Yemen"),
    "YMD": ("Dem. Yemen", "Yemen, People's Dem. Rep.", "Yemen, PDR", "South Yemen"),
    "YUG": ("Yugoslavia", "Socialist Federal Republic of Yugoslavia", "Yugoslavia, SFR"),
    "ZA1": ("Southern African Customs Union", "SACU", "So. African Customs Union", "South African Customs Union"),
    "ZWE": ("Rhodesia", "Southern Rhodesia"),
    "_CI": ("Channel Islands",),
    "_KS": ("Kosovo", "Republic of Kosovo", "Kosovo (UN administered region)", "Kosovo (under UNSCR 1244)",
            "UN Kosovo"),
    "_PM": ("Peninsula Malaysia",),
    "_RN": ("Rhodesia Nyas", "Rhodesia Nyasaland"),
    "_SH": ("Sabah",),
    "_SK": ("Sarawak",),
    "_TK": ("Tanganyika",),
    "_ZP": ("Zanzibar and Pemba Isd",),
}  # fmt: skip
"""Comtrade's label to names; historical names belong to every code that Comtrade gives this label."""

AMBIGUOUS_NAMES: Final = (
    "Korea", "Virgin Islands", "Republic of China", "Belgium-Luxembourg", "Belgium and Luxembourg", "Sudan and South Sudan",
)  # fmt: skip
"""Names that two countries share, or that do not name a single country."""
