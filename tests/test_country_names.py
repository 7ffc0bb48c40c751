"""Names and codes of countries as other publishers write them: each is its own country's, or nobody's.

Names as the publishers' own country lists and readers of their files spell them.
"""

from __future__ import annotations

from pathlib import Path

import pycountry
import pytest

from minsum.countries.codes import codes_named, codes_of, labels
from minsum.countries.names import comtrade_label, folded_name, labels_by_name, match_country
from minsum.countries.spellings import AMBIGUOUS_NAMES, CODES, NAMES
from minsum.countries.suggestions import check_country, known_labels, near_labels
from minsum.errors import SettingsError
from minsum.settings.load import load_settings

SPELLINGS = {
    "World Bank": """
        BHS Bahamas, The; BOL Bolivia; COD Congo, Dem. Rep.; COG Congo, Rep.; CIV Cote d'Ivoire; CUW Curacao;
        CZE Czechia; EGY Egypt, Arab Rep.; FRO Faroe Islands; GMB Gambia, The; HKG Hong Kong SAR, China;
        IRN Iran, Islamic Rep.; PRK Korea, Dem. People's Rep.; KOR Korea, Rep.; _KS Kosovo; KGZ Kyrgyz Republic;
        LAO Lao PDR; MAC Macao SAR, China; FSM Micronesia, Fed. Sts.; MDA Moldova; MKD North Macedonia;
        SXM Sint Maarten (Dutch part); SVK Slovak Republic; KNA St. Kitts and Nevis; LCA St. Lucia;
        MAF St. Martin (French part); VCT St. Vincent and the Grenadines; STP São Tomé and Principe; TUR Turkiye;
        TZA Tanzania; VEN Venezuela, RB; VNM Viet Nam; VIR Virgin Islands (U.S.); VGB British Virgin Islands;
        PSE West Bank and Gaza; YEM Yemen, Rep.; PRI Puerto Rico (US); SOM Somalia, Fed. Rep.; TUR Türkiye;
        CZE Czech Republic; SWZ Swaziland; MKD Macedonia, FYR; CPV Cape Verde; PRI Puerto Rico""",
    "UNCTAD": """
        BOL Bolivia (Plurinational State of); CHN China; HKG China, Hong Kong SAR; MAC China, Macao SAR;
        S19 China, Taiwan Province of; COD Congo, Dem. Rep. of the; COD Democratic Republic of the Congo; COG Congo;
        CIV Côte d'Ivoire; FLK Falkland Islands (Malvinas); GIN Guinea; GNB Guinea-Bissau; GNQ Equatorial Guinea;
        IRN Iran (Islamic Republic of); KOR Korea, Republic of; PRK Korea, Dem. People's Rep. of; KOR Republic of Korea;
        LAO Lao People's Dem. Rep.; LBY Libyan Arab Jamahiriya; FSM Micronesia (Federated States of);
        MDA Republic of Moldova; NLD Netherlands (Kingdom of the); PSE State of Palestine; SDN Sudan;
        SDN Sudan (...2011); IDN Indonesia (...2002); ANT Netherlands Antilles; SCG Serbia and Montenegro;
        YUG Yugoslavia (...1991); CSK Czechoslovakia (...1992); SUN Union of Soviet Socialist Republics (…1991);
        CHE Switzerland, Liechtenstein; SYR Syrian Arab Republic; MKD TFYR of Macedonia;
        GBR United Kingdom; TZA United Republic of Tanzania; USA United States of America; VIR United States Virgin Islands;
        VEN Venezuela (Bolivarian Rep. of); WLF Wallis and Futuna Islands; ETH Ethiopia (...1991);
        DEU Germany, Federal Republic of; DDR German Democratic Republic; YMD Yemen, Democratic (...1990);
        YEM Yemen, Arab Republic (...1990); SXM Sint Maarten; SHN Saint Helena; MAF Saint Martin (French part)""",
    "IMF": """
        AFG Afghanistan, Islamic Rep. of; ARM Armenia, Rep. of; AZE Azerbaijan, Rep. of; BHR Bahrain, Kingdom of;
        BLR Belarus, Rep. of; CHN China, P.R.: Mainland; HKG China, P.R.: Hong Kong; MAC China, P.R.: Macao;
        COM Comoros, Union of the; COD Congo, Dem. Rep. of the; COG Congo, Rep. of; HRV Croatia, Rep. of; CZE Czech Rep.;
        DOM Dominican Rep.; EGY Egypt, Arab Rep. of; GNQ Equatorial Guinea, Rep. of; ERI Eritrea, The State of;
        EST Estonia, Rep. of; SWZ Eswatini, Kingdom of; ETH Ethiopia, The Federal Dem. Rep. of; FJI Fiji, Rep. of;
        IRN Iran, Islamic Rep. of; KAZ Kazakhstan, Rep. of; KOR Korea, Rep. of; _KS Kosovo, Rep. of; KGZ Kyrgyz Rep.;
        LSO Lesotho, Kingdom of; MDG Madagascar, Rep. of; MHL Marshall Islands, Rep. of the;
        MRT Mauritania, Islamic Rep. of; FSM Micronesia, Federated States of; MDA Moldova, Rep. of;
        MOZ Mozambique, Rep. of; NRU Nauru, Rep. of; NLD Netherlands, The; MKD North Macedonia, Republic of;
        PLW Palau, Rep. of; POL Poland, Rep. of; SMR San Marino, Rep. of; STP São Tomé and Príncipe, Dem. Rep. of;
        SRB Serbia, Rep. of; SVK Slovak Rep.; SVN Slovenia, Rep. of; SSD South Sudan, Rep. of; SYR Syrian Arab Rep.;
        S19 Taiwan Province of China; TJK Tajikistan, Rep. of; TZA Tanzania, United Rep. of; TLS Timor-Leste, Dem. Rep. of;
        TUR Türkiye, Rep of; UZB Uzbekistan, Rep. of; VEN Venezuela, Rep. Bolivariana de; YEM Yemen, Rep. of;
        HKG Hong Kong SAR; MAC Macao SAR; LAO Lao P.D.R.; BRN Brunei Darussalam""",
    "Heritage": """
        BHS Bahamas; BIH Bosnia and Herzegovina; MMR Burma; CPV Cabo Verde; CAF Central African Republic;
        COD Congo, Democratic Republic of the; COD Congo, Dem. Rep.; COG Congo, Republic of; COG Congo, Republic of the;
        CIV Côte d'Ivoire; CIV Cote d'Ivoire; HKG Hong Kong; PRK Korea, North; KOR Korea, South; PRK North Korea;
        KOR South Korea; _KS Kosovo; KGZ Kyrgyz Republic; LAO Laos; LAO Lao P.D.R.; MAC Macau; FSM Micronesia;
        MDA Moldova; RUS Russia; LCA Saint Lucia; VCT Saint Vincent and the Grenadines; STP São Tomé and Príncipe;
        SVK Slovakia; SYR Syria; S19 Taiwan; TZA Tanzania; GMB The Gambia; NLD The Netherlands; PHL The Philippines;
        BHS The Bahamas; TLS Timor-Leste; TUR Turkey; ARE United Arab Emirates; USA United States; VEN Venezuela;
        VNM Vietnam; KIR Kiribati; MKD Macedonia; SWZ Swaziland; TUR Türkiye; BRN Brunei; BRN Brunei Darussalam""",
    "Fraser": """
        BOL Bolivia; BRN Brunei Darussalam; CAF Central African Rep.; COD Congo, Democratic Republic of;
        COD Congo, Dem. R.; COG Congo, Republic Of; COG Congo, Rep. Of; CIV Cote d'Ivoire; CZE Czechia; CZE Czech Rep.;
        DOM Dominican Rep.; EGY Egypt, Arab Rep.; GMB Gambia, The; HKG Hong Kong SAR, China; HKG Hong Kong; IRN Iran, Islamic Rep.;
        KOR Korea, Rep.; KOR Korea, South; KGZ Kyrgyz Republic; LAO Lao PDR; MKD North Macedonia; SVK Slovak Republic;
        SVK Slovak Rep; SYR Syrian Arab Republic; S19 Taiwan; TTO Trinidad and Tobago; TTO Trinidad & Tobago; TUR Turkiye;
        ARE Unit. Arab Em.; VEN Venezuela, RB; YEM Yemen, Rep.; PNG Pap. New Guinea; TLS Timor-Leste; CPV Cape Verde""",
    "WITS": """
        BOL Bolivia; CAF Central African Republic; COD Congo, Dem. Rep.; COG Congo, Rep.; CIV Cote d'Ivoire;
        EGY Egypt, Arab Rep.; ETH Ethiopia(excludes Eritrea); FRO Faeroe Islands; FSM Micronesia, Fed. Sts.;
        GMB Gambia, The; HKG Hong Kong, China; KOR Korea, Rep.; PRK Korea, Dem. Rep.; KGZ Kyrgyz Republic; LAO Lao PDR;
        MAC Macao; PSE Occ.Pal.Terr; S19 Other Asia, nes; SRB Serbia, FR(Serbia/Montenegro); SVK Slovak Republic;
        KNA St. Kitts and Nevis; TLS East Timor; VEN Venezuela; VNM Vietnam; YEM Yemen; SUN Soviet Union;
        WLF Wallis and Futura Isl.; TCA Turks and Caicos Isl.; BIH Bosnia and Herzegovina; SDN Fm Sudan""",
    "CIA": """
        BHS Bahamas, The; MMR Burma; CPV Cabo Verde; COD Congo, Democratic Republic of the; COG Congo, Republic of the;
        CIV Cote d'Ivoire; CZE Czechia; SWZ Eswatini; FLK Falkland Islands (Islas Malvinas); GMB Gambia, The; VAT Holy See (Vatican City);
        PRK Korea, North; KOR Korea, South; _KS Kosovo; LAO Laos; MAC Macau; FSM Micronesia, Federated States of;
        MAF Saint Martin; SXM Sint Maarten; SHN Saint Helena, Ascension, and Tristan da Cunha; PCN Pitcairn Islands;
        RUS Russia; SYR Syria; S19 Taiwan; TLS Timor-Leste; TUR Turkey (Turkiye); CUW Curacao; BLM Saint Barthelemy;
        GBR United Kingdom; VNM Vietnam; PSE Gaza Strip and West Bank; BRN Brunei""",
    "Comtrade": """
        YEM Arab Rep. of Yemen (...1990); BES Bonaire; BIH Bosnia Herzegovina; VGB Br. Virgin Isds; CYM Cayman Isds;
        COK Cook Isds; CSK Czechoslovakia (...1992); PRK Dem. People's Rep. of Korea; COD Dem. Rep. of the Congo;
        DDR Dem. Rep. of Germany (...1990); VDR Dem. Rep. of Vietnam (...1974); YMD Dem. Yemen (...1990);
        PAK East and West Pakistan (...1971); FRO Faroe Isds; DEU Fed. Rep. of Germany (...1990); GUF French Guiana (Overseas France);
        FSM FS Micronesia; GLP Guadeloupe (Overseas France); LAO Lao People's Dem. Rep.; MHL Marshall Isds;
        MYT Mayotte (Overseas France); MNP N. Mariana Isds; ANT Netherlands Antilles (...2010); S19 Other Asia, nes;
        PCI Pacific Isds (...1991); PAN Panama, excl.Canal Zone (...1977); PCZ Panama-Canal-Zone (...1977);
        _PM Peninsula Malaysia (...1963); KOR Rep. of Korea; MDA Rep. of Moldova; VNM Rep. of Vietnam (...1974);
        REU Réunion (Overseas France); _RN Rhodesia Nyas (...1964); _SH Sabah (...1963); SHN Saint Helena;
        KNA Saint Kitts, Nevis and Anguilla (...1980); SXM Saint Maarten; SCG Serbia and Montenegro (...2005);
        SLB Solomon Isds; ZA1 Southern African Customs Union (...1999); PSE State of Palestine; SDN Sudan (...2011);
        SDN Fmr Sudan; DEU Fmr Fed. Rep. of Germany; SUN Fmr USSR; YUG Fmr Yugoslavia; ETH Fmr Ethiopia; YMD Fmr Dem. Yemen;
        TCA Turks and Caicos Isds; VIR US Virgin Isds (...1980); USA USA; USA USA and Puerto Rico (...1980);
        SUN USSR (...1990); TZA United Rep. of Tanzania; WLF Wallis and Futuna Isds; _ZP Zanzibar and Pemba Isd (...1964);
        MKD TFYR of Macedonia; HKG China, Hong Kong SAR; MAC China, Macao SAR; BOL Bolivia (Plurinational State of)""",
    "BACI, Our World in Data and others": """
        FRA France, Monaco; NOR Norway, Svalbard and Jan Mayen; USA USA, Puerto Rico and US Virgin Islands;
        HKG China, Hong Kong Special Administrative Region; MKD The Former Yugoslav Republic of Macedonia;
        COD Democratic Republic of Congo; FSM Micronesia (country); PSE Palestine; TLS East Timor; CPV Cape Verde;
        CIV Ivory Coast; CIV Côte d’Ivoire; COD Congo-Kinshasa; COG Congo-Brazzaville; COD DR Congo; COD D.R. Congo;
        GBR UK; GBR U.K.; ARE UAE; USA U.S.; USA US; SUR Surinam; WSM Western Samoa; ASM American Samoa;
        DMA Dominica; DOM Dominican Republic; NER Niger; NGA Nigeria; SSD South Sudan; MNE Montenegro; SRB Serbia""",
}  # fmt: skip
GROUPS = """
    World; Africa; Asia; Europe; Oceania; Caribbean; Polynesia; Melanesia; Southern Africa; Middle Africa; Northern Africa;
    Western Africa; Eastern Europe; Northern Europe; North America; Northern America; South America; Central America;
    Latin America & Caribbean; Sub-Saharan Africa; South Asia; Central Asia; East Asia & Pacific; Arab World; Euro area;
    European Union; EU-27; OECD members; High income; Low & middle income; Least developed countries: UN classification;
    Fragile and conflict affected situations; Caribbean small states; Pacific island small states; Small states;
    Central Europe and the Baltics; Africa Eastern and Southern; Developing economies; ASEAN; BRICS; G20; Landlocked;
    Middle East & North Africa; Heavily indebted poor countries (HIPC); IDA only; Not classified; Areas, nes; Bunkers;
    Free Zones; Special Categories; Other Africa, nes; Oceania, nes; Europe EU, nes; Rest of America, nes; Unspecified;
    Developing economies: Africa; Selected ASEAN countries; China and Hong Kong; Sudan and South Sudan; Guinea Gulf"""  # fmt: skip
OTHER_COUNTRIES = {
    "Korea": None, "Virgin Islands": None, "Republic of China": None, "Belgium-Luxembourg (...1998)": None,
    "Belgium and Luxembourg": None, "Northern Cyprus": None, "South Ossetia": None, "Somaliland": None, "Ireland, Northern": None,
    "England": None, "Gaza Strip": None, "Guinea Ecuatorial": None, "Sint Eustatius": None, "Congo Free State": None,
}  # fmt: skip


def written(text: str) -> list[tuple[str, str]]:
    pairs = [one.strip().split(" ", 1) for one in text.split(";") if one.strip()]
    return [(label, " ".join(name.split())) for label, name in pairs]


@pytest.mark.parametrize("publisher", SPELLINGS)
def test_every_spelling_is_its_country_s(publisher: str) -> None:
    wrong = {
        name: (found, label)
        for label, name in written(SPELLINGS[publisher])
        if (found := match_country(None, name)) != label
    }
    assert not wrong


def test_groups_and_shared_names_are_no_country_s() -> None:
    groups = [" ".join(one.split()) for one in GROUPS.split(";")]
    assert not {name: label for name in [*groups, *OTHER_COUNTRIES] if (label := match_country(None, name))}


def test_no_name_stands_for_two_countries() -> None:
    """Of ISO's names and those of the table, after folding; and the table holds nothing twice."""
    seen: dict[str, str] = {}
    for country in pycountry.countries:
        for kind in ("name", "official_name", "common_name"):
            if hasattr(country, kind):
                label = CODES.get(country.alpha_3, country.alpha_3)
                assert seen.setdefault(folded_name(getattr(country, kind)), label) == label
    iso = set(seen)
    for label, names in NAMES.items():
        for name in names:
            assert folded_name(name) not in iso, f"{name} need not stand in the table"
            assert seen.setdefault(folded_name(name), label) == label
    assert not {folded_name(name) for name in AMBIGUOUS_NAMES} & set(labels_by_name())
    assert set(labels_by_name().values()) <= set(labels().values())


@pytest.mark.parametrize(
    ("code", "label"),
    [
        ("TWN", "S19"), ("ROM", "ROU"), ("ZAR", "COD"), ("XKX", "_KS"), ("KSV", "_KS"), ("UVK", "_KS"), ("OWID_KOS", "_KS"),
        ("TMP", "TLS"), ("WBG", "PSE"), ("ADO", "AND"), ("IMY", "IMN"), ("BUR", None), ("CHI", None), ("OAS", None), ("SRB", "SRB"), ("SCG", "SCG"),
        ("SDN", "SDN"), ("SSD", "SSD"), ("MNE", "MNE"), ("YUG", "YUG"), ("SUN", "SUN"), ("CSK", "CSK"), ("DDR", "DDR"),
        ("ANT", "ANT"), ("158", "S19"), ("490", "S19"), ("736", "SDN"), ("729", "SDN"), ("380", "ITA"), ("381", "ITA"),
        ("840", "USA"), ("842", "USA"), ("250", "FRA"), ("251", "FRA"), ("356", "IND"), ("699", "IND"), ("756", "CHE"),
        ("757", "CHE"), ("578", "NOR"), ("579", "NOR"), ("058", None), ("56", "BEL"), ("8", "ALB"), ("CN", "CHN"), ("GB", "GBR"),
        ("UK", "GBR"), ("EL", "GRC"), ("XK", "_KS"), ("NA", "NAM"), ("TW", "S19"), ("CH", "CHE"),
        ("WLD", None), ("EUU", None), ("OWID_WRL", None), ("1", None), ("57", None), ("0", None), ("97", None),
        ("EUR", None), ("_X", None), ("XX", None), ("A79", None), ("899", None), ("839", None), ("BLX", None), ("ABC", None),
    ],
)  # fmt: skip
def test_codes(code: str, label: str | None) -> None:
    assert match_country(code, None) == label


def test_a_region_s_number_is_stronger_than_a_country_s_name() -> None:
    assert match_country("57", "Micronesia") is None
    assert match_country("583", "Micronesia") == "FSM"


def test_settings_understand_the_codes_of_others() -> None:
    typed = ("TWN", "ROM", "ZAR", "XKX", "BLX", "SRB", "SDN", "156", "999")
    assert known_labels(typed) == ("S19", "ROU", "COD", "_KS", "BEL", "SRB", "SDN", "CHN", "999")
    assert codes_named(known_labels(("BLX",)), setting="x") == {56, 58}
    assert known_labels(("58",)) == ("BEL",)
    assert codes_of("TWN") == ()
    assert comtrade_label("high_end") == "high_end"


@pytest.mark.parametrize(
    ("typed", "near"),
    [("TWX", "S19"), ("china", "CHN"), ("Taiwan", "S19"), ("GER", "GRE|DEU|NER|GEO"), ("SWI", "SWZ|SWE|CHE"), ("CN", "CHN")],
)  # fmt: skip
def test_a_label_that_matches_nothing_is_refused_with_the_nearest(typed: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"{typed!r} is the label of no country; did you mean .*({near})"):
        known_labels([typed])


def test_a_country_named_twice_in_two_ways_is_refused() -> None:
    with pytest.raises(ValueError, match="'TWN' and 'S19' are the same country, S19"):
        known_labels(["TWN", "CHN", "S19"])


def test_where_labels_are_only_checked_the_right_one_is_named() -> None:
    with pytest.raises(SettingsError) as caught:
        check_country("TWN", "reporter")
    assert caught.value.hint == "did you mean S19?"
    assert "TWN" not in near_labels("Tai")


SETTINGS = """
[fetch]
classification = "HS"
reporters = ["TWN"]
[ingest]
reporters = ["ROM", "TWN"]
[esi]
reporters = ["ZAR"]
[esi.references]
asia = { members = ["TWN", "KOR"] }
[market_esi]
markets = ["XKX"]
[panel]
reference = "TWN"
reporters = ["SDN", "BLX"]
bloc = ["TWN", "CHN"]
"""


def test_every_list_of_countries_in_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "minsum.toml"
    path.write_text(SETTINGS)
    settings = load_settings(path)
    assert settings.fetch is not None
    assert settings.panel is not None
    assert settings.market_esi is not None
    assert settings.fetch.reporters == ("S19",)
    assert settings.ingest.reporters == ("ROU", "S19")
    assert settings.esi.reporters == ("COD",)
    assert settings.esi.references["asia"].members == ("S19", "KOR")
    assert settings.market_esi.markets == ("_KS",)
    assert (settings.panel.reference, settings.panel.reporters) == ("S19", ("SDN", "BEL"))
    assert settings.panel.bloc == ("S19", "CHN")


@pytest.mark.parametrize(
    ("before", "after", "place"),
    [
        ('reporters = ["ROM", "TWN"]', 'reporters = ["ROM", "TWX"]', r"ingest.reporters: 'TWX' is the label of no country; did you"),
        ('members = ["TWN", "KOR"]', 'members = ["TWN", "KORE"]', r"esi.references.asia.members: 'KORE' is the label of no"),
        ('markets = ["XKX"]', 'markets = ["kosovo"]', r"market_esi.markets: 'kosovo' .*; did you mean _KS\?"),
        ('reference = "TWN"', 'reference = "TWX"', r"panel.reference: 'TWX' is the label of no country"),
        ('reference = "TWN"', 'reference = "asean"', r"'asean' is no country and none of the composites .* \(asia\)"),
        ('reference = "TWN"', 'reference = "usa"', r"panel.reference 'usa' .*; did you mean USA\?"),
        ('bloc = ["TWN", "CHN"]', 'bloc = ["TWN", "CHI"]', r"panel.bloc: 'CHI' is the label of no country; did you mean CHL or CHN"),
    ],
)  # fmt: skip
def test_labels_in_settings_that_match_nothing(tmp_path: Path, before: str, after: str, place: str) -> None:
    path = tmp_path / "minsum.toml"
    assert before in SETTINGS
    path.write_text(SETTINGS.replace(before, after))
    with pytest.raises(SettingsError, match=place):
        load_settings(path)
