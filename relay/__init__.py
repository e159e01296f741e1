"""A static-IP relay between Dynamics 365 and VECOZO, and a reference gate and registry to rehearse against."""
