"""The words of the insurance check (COV, VZ801802): namespaces, action, element names and result codes.

Seen in the code of public clients; the order of the answer's elements and the split of its namespaces are
a guess. The enforcer's WSDL is held against this file by a test.
"""

from enum import StrEnum

NAMESPACE = "http://schemas.vecozo.nl/VZ801802/v1"
MESSAGES = f"{NAMESPACE}/messages"
TYPES = f"{NAMESPACE}/types"

OPERATION = "Controleer"
ACTION = f"{NAMESPACE}/{OPERATION}"
RESPONSE = "ControleerResponse"
RESULT = "ControleerResult"

MOST_QUERIES = 20

PROVIDER_FIELDS = ("AGB-zorgverlenersoort", "AGB-nummer")
QUERY_FIELDS = (
    "Volgnummer",
    "Geboortedatum",
    "Peildatum",
    "Bsn",
    "Verzekerdenummer",
    "Postcode",
    "ReferentieZorgaanbieder",
    "Huisnummer",
    "Huisnummertoevoeging",
)
QUERY_REQUIRED = frozenset({"Volgnummer", "Geboortedatum", "Peildatum"})
INSURED_FIELDS = (
    "Resultaat",
    "Geboortedatum",
    "Geslacht",
    "CodeGeslacht",
    "Overleden",
    "Achternaam1",
    "Bsn",
    "Voorletters",
    "Voorvoegsel1",
    "Achternaam2",
    "Voorvoegsel2",
    "Verzekeringen",
)
POLICY_FIELDS = (
    "Resultaat",
    "UZOVI",
    "Verzekerdenummer",
    "SoortVerzekering",
    "Pakketcode",
    "Pakketnaam",
    "Labelcode",
    "Labelnaam",
    "Ingangsdatum",
    "Einddatum",
)


class Outcome(StrEnum):
    """What became of the request as a whole."""

    ACCEPTED = "VerzoekAkkoord"
    NO_QUERIES = "GeenZoekopdrachten"
    TOO_MANY_QUERIES = "MeerDan20Zoekopdrachten"


class QueryOutcome(StrEnum):
    """What became of one query."""

    FOUND = "Gevonden"
    FOUND_FUTURE = "GevondenPeildatumInToekomst"
    NOT_FOUND = "NietGevonden"
    BSN_UNKNOWN = "BsnOnbekend"
    BSN_FAILS_ELEVEN_TEST = "BsnVoldoetNietAanElfProef"
    BSN_AND_BIRTH_DATE_UNKNOWN = "CombinatieBsnGeboortedatumOnbekend"
    NO_VALID_PATH = "GeenGeldigZoekpad"
    MORE_PATHS = "MeerdereZoekpadenOpgegeven"
    MORE_PERSONS = "MeerderePersonenGevonden"
    TOO_LONG_AGO = "Peildatum2JaarOfOuder"


class InsuredOutcome(StrEnum):
    """How a person who was found is insured on the reference date."""

    ACTIVE = "ActieveVerzekeringen"
    DOUBLE_ACTIVE = "DubbeleActieveVerzekeringenGevonden"
    INACTIVE = "InactieveVerzekeringen"


class PolicyOutcome(StrEnum):
    """How one policy stands on the reference date."""

    ACTIVE = "Actief"
    INACTIVE = "Inactief"
    NOT_AUTHORISED = "NietGeautoriseerdVoorZorgverzekeraar"
