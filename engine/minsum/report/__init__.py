"""Stage `report`: writes tables, charts and the HTML page.

Shows results of other stages; computes no similarity and no estimate.
"""
