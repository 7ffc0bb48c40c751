"""What `minsum init` writes as minsum.toml."""

from __future__ import annotations

from typing import Final

from minsum.countries.paper import ASEAN_AND_CHINA, PAPER_COUNTRIES, PAPER_YEARS

_TEMPLATE: Final = """\
# minsum workspace. Every line is optional; these are the defaults. Environment variables override:
# MINSUM_ESI__LEVEL=4 stands for level = 4 under [esi].

# Model spec files that minsum run estimates besides [estimate]; see docs/estimation.md
# specs = ["models/gravity.toml"]

# Download from UN Comtrade, first in every minsum run: remove the "#". The key: docs/operation.md
# [fetch]
# classification = "H2"    # HS as reported | H0 to H6 as converted by the UN; or several: ["H2", "H5"]
# years = []               # empty: all
# reporters = []           # empty: all; ISO3 as Comtrade writes it
# dataset = "final"        # final | classic
# calls_per_day = 5000     # what your plan allows
# calls_per_minute = 60
# keep = "all"             # earlier publications in raw/: all, or how many of each reporter-year

[ingest]
# Comtrade flow codes to keep: X exports (contains RX), M imports, DX domestic exports, RX re-exports ...
flows = ["X", "M", "DX", "RX"]
# HS vintage of files that do not say (BACI under another name), such as "H5"
# classification = "H5"
reporters = []         # empty: all; ISO3 as Comtrade writes it
# Further columns of the flows: "net_weight" (kg), "quantity" (with quantity_unit), or both
columns = []

[esi]
basis = "X"            # X | DX | X-RX
level = 6              # 6 | 4 | 2 digits
levels = []            # such as [6, 4, 2]: these levels side by side in esi_levels/
residual = "exclude"   # codes 9999xx: exclude | keep | denominator
min_products = 1       # below this many products a value is null
years = []             # empty: all
reporters = []         # empty: all; ISO3 as Comtrade writes it. Every country stays a reference

# Every country is a reference. Composites beside them, under names of your own: remove the "#"
# members: countries, or groups such as EU, G7 and OECD: those of each year (docs/definitions.md)
# rule: pooled | pooled_minus_self | mean_share | mean_esi | common, and without members: world | world_minus_self
# (all reporters of the year but the country itself)
# [esi.references.big_two]
# members = ["USA", "DEU"]
# rule = "pooled"

# Bring every reporter-year to one HS vintage, whatever it was filed in (docs/vintages.md): remove the "#". Without it
# only countries that filed in the same vintage are compared
# [harmonise]
# target = "H2"        # H0 to H6; filings older than it are left out, unless tables give weights forward
# method = "un"        # un: the UN's conversion tables, which minsum has | weights: files in tables
# tables = "concordances"   # folder of weight files (H5,H4,weight,group_id) or of UN workbooks
# successors = "keep"  # keep | merge: Serbia and Montenegro, Sudan ... and their successors as one over all years

# Reporters that filed nothing, from what their partners import from them; needs [harmonise]: remove the "#"
# [mirror]
# reporters = []       # empty: all that have enough partners; ISO3
# min_partners = 10    # with fewer a country stays absent
# cif = 1.06           # partners' values are divided by it; it cancels in shares
# in_world = false     # true: part of the references world and world_minus_self too

# Similarity within each market, and its mean over markets: remove the "#"
# [market_esi]
# min_flow_usd = 0     # a country's exports to a market count from this sum on
# markets = []         # empty: all

# Exports of each country against imports of each other
# [complementarity]

# Similarity of where countries sell, and of what they sell where
# [destination_esi]
# overlap_usd = false  # true: a column with the exports of the same products, USD

# What minsum check and minsum run report
[check]
world_tolerance = 0.005   # World and the sum of partners, in relation to World
total_tolerance = 0.005   # TOTAL and the sum of products, in relation to TOTAL
residual_share = 0.5      # codes 9999xx in World trade
conflict_share = 0.005    # lost with rows repeated with other values, in relation to World trade
exports_fall = 0.5        # fall of a reporter's exports against the year before, or by a revision (minsum run)
esi_move = 0.2            # change of a similarity by a revision (minsum run)

# What the citation of a data release says (minsum export)
[export]
title = "Export similarity of countries"
authors = []              # such as ["Sok, Dara", "Institute of Trade"]: family name first, or an organisation
version = ""              # of the release, such as "2026.1"
license = ""              # its SPDX identifier, such as "CC-BY-4.0"
"""

_PAPER: Final = f"""
# The China-ASEAN panel of the paper. Put the covariate files beside this one, in covariates/, as their
# publishers give them: WDI (bulk, API or DataBank), UNCTADstat FDI, Fraser or Heritage; or tidy tables
# iso3,year,<variable>. What the paper leaves open: docs/replication.md.
[esi.references.high_end]
members = ["USA", "DEU"]
rule = "pooled"

[report]
paper_notes = true         # say where the paper's printed Table 1 contradicts itself

[panel]
reference = "high_end"
reporters = {list(PAPER_COUNTRIES)}
years = {list(PAPER_YEARS)}
bloc = {list(ASEAN_AND_CHINA)}   # import_share: imports from these over all imports
covariates = "covariates"

# How each variable is made from the indicators in the files. These are the defaults.
[panel.variables]
ln_fdi = {{ first_of = ["fdi_inward_flow", "fdi_inward_stock"], ln = true, unit = "million_usd" }}
capital = {{ indicator = "NE.GDI.FTOT.ZS", divide_by = 100, unit = "ratio" }}
lr = {{ indicator = "SL.TLF.CACT.ZS", divide_by = 100, unit = "ratio" }}
pa = {{ indicator = "IP.PAT.RESD", ln = true, unit = "count" }}
# pa = {{ sum_of = ["IP.PAT.RESD", "IP.PAT.NRES"], ln = true, unit = "count" }}
# pa = {{ indicator = "IP.PAT.NRES", ln = true, unit = "count" }}   # fits the scale of Table 2
efi = {{ first_of = ["efw_summary", "heritage_overall"] }}

[estimate]
dependent = "esi"          # or logit(esi), ln(esi)
regressors = ["import_share", "ln_fdi", "capital", "lr", "pa", "efi"]
estimators = ["FE", "RE", "FGLS"]
effects = ["country"]      # equation (2) has year effects too, Table 3 has not: ["country", "year"]
""".replace("'", '"')

_WORLD: Final = """
# A panel of every reporter: put covariate files into covariates/ beside this file (docs/covariates.md).
# [panel]
# reference = "USA"        # whose similarity is the column esi: a country, or a composite from above
# reporters = []           # empty: all
# bloc = ["CHN"]           # import_share: imports from these over all imports; empty: no such column
# max_width = 0.05         # similarities with a wider interval (docs/vintages.md) are left out; none: all stay
# [estimate]
# regressors = ["import_share"]
# weights = "width"        # a similarity counts 1 - (esi_high - esi_low); none: all count the same
"""

_TOGETHER: Final = _TEMPLATE.replace("# [harmonise]\n# target", "[harmonise]\ntarget").replace(
    ': remove the "#". Without it\n', ". Without it\n"
)
_AS_FILED: Final = _TOGETHER.replace('# classification = "H2"    # HS', '# classification = "HS"    # HS')
TEMPLATES: Final = {"empty": _TEMPLATE, "paper": _TOGETHER + _PAPER, "world": _AS_FILED + _WORLD}
