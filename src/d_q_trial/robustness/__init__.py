"""How far the results depend on the choices of the analysis."""
