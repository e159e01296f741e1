"""Where a call goes, and as whom: tenants, their routes, and the preset of VECOZO's own hosts."""
