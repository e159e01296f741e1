"""The works: what the fronts are made to do. Each module measures one, or a few of a kind, and names its figures."""
