"""The one door out: connections of our own to VECOZO, under a system certificate, from the registered address."""
