"""Wire formats. The names of the provider and of HTTP stop here: other packages use the domain's words only."""
