"""ZEGO's results as game servers relay them."""
