"""Where the figures come from: relay and its peers doing the same work, in one run, on this machine."""
