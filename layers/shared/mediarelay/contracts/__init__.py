"""Wire formats. Provider and HTTP names stop here; inside, only the domain's words are used."""
