"""Stage `fetch`: bulk files from UN Comtrade into `raw/`."""
