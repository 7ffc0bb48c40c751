"""Stage `report`: what people look at."""
