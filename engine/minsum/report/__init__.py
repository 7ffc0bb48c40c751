"""Stage `report`: tables, charts and the page that people look at.

Draws what other stages published; computes no similarity and no estimate.
"""
