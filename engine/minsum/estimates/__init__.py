"""Stage `estimates`: model specifications applied to the panel, or to every pair of countries."""
