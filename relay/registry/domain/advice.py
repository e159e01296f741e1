"""What to do about a refused address, in the words of the questions that people ask."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from relay.registry.domain.addresses import Refusal

FIND_THE_PUBLIC_ONE: Final = (
    "Open a page that shows your address, such as whatismyipaddress.com, from the very network where the system "
    "certificate runs, and register the public IPv4 address that it shows (Q6)."
)
_ASK_FOR_A_FIXED_ONE: Final = "Ask the internet or cloud provider for a fixed public IPv4 address (Q7, Q17)."

ADVICE: Final[Mapping[Refusal, str]] = MappingProxyType(
    {
        Refusal.UNREADABLE: "Write one address (a.b.c.d), a block (a.b.c.d/28) or a range (a.b.c.d-e.f.g.h).",
        Refusal.IPV6: f"Register the IPv4 address, even if IPv6 is shown beside it (Q13). {FIND_THE_PUBLIC_ONE}",
        Refusal.HOST_BITS: "Write the block from its first address on, or write the range as first-last.",
        Refusal.BACKWARDS: "Write the lower address first.",
        Refusal.PRIVATE: (
            "This address is used inside your own network only; one given by DHCP usually is such an address "
            f"(Q10, Q12). {FIND_THE_PUBLIC_ONE}"
        ),
        Refusal.LOOPBACK: f"This address is a computer's name for itself. {FIND_THE_PUBLIC_ONE}",
        Refusal.LINK_LOCAL: f"A computer gives itself this address when no network gives one. {FIND_THE_PUBLIC_ONE}",
        Refusal.SHARED: (
            "This address belongs to your provider's inner network, shared by many customers. "
            f"{_ASK_FOR_A_FIXED_ONE} {FIND_THE_PUBLIC_ONE}"
        ),
        Refusal.MULTICAST: f"No call can come from this address. {FIND_THE_PUBLIC_ONE}",
        Refusal.RESERVED: f"No call can come from this address. {FIND_THE_PUBLIC_ONE}",
        Refusal.DOCUMENTATION: f"This address serves as an example in manuals. {FIND_THE_PUBLIC_ONE}",
    }
)
