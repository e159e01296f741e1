"""Envelopes of the insurance check as a client sends them."""

from datetime import UTC, datetime

from relay.soap.recognise import SoapVersion

ACTION = "http://schemas.vecozo.nl/VZ801802/v1/Controleer"
TEST_PERSON = {"Bsn": "999979668", "Geboortedatum": "1962-03-15"}
# What lies two years back is no longer answered, so a fixed date would not do.
TODAY = datetime.now(UTC).date().isoformat()


def query(number: int = 1, /, **fields: str) -> str:
    """Return one Zoekopdracht; on today unless told."""
    told = {"Volgnummer": str(number), "Geboortedatum": "1962-03-15", "Peildatum": TODAY} | fields
    inner = "".join(f"<typ:{name}>{value}</typ:{name}>" for name, value in told.items())
    return f"<typ:Zoekopdracht>{inner}</typ:Zoekopdracht>"


def question(*queries: str, version: SoapVersion = SoapVersion.V1_1, provider: str = "") -> bytes:
    """Return a whole envelope with these queries, the test person's when there are none."""
    asked = "".join(queries or [query(1, **TEST_PERSON)])
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<e:Envelope xmlns:e="{version.envelope}" xmlns:v1="http://schemas.vecozo.nl/VZ801802/v1" '
        'xmlns:mes="http://schemas.vecozo.nl/VZ801802/v1/messages" '
        'xmlns:typ="http://schemas.vecozo.nl/VZ801802/v1/types"><e:Header/><e:Body><v1:Controleer><v1:request>'
        f"{provider}<mes:Zoekopdrachten>{asked}</mes:Zoekopdrachten>"
        "</v1:request></v1:Controleer></e:Body></e:Envelope>"
    ).encode()


def provider(kind: str = "99", number: str = "000001") -> str:
    """Return the element that names for whom a software party asks: an AGB code in two parts."""
    parts = f"<typ:AGB-zorgverlenersoort>{kind}</typ:AGB-zorgverlenersoort><typ:AGB-nummer>{number}</typ:AGB-nummer>"
    return f"<mes:Zorgaanbieder>{parts}</mes:Zorgaanbieder>"


def headers(version: SoapVersion = SoapVersion.V1_1) -> dict[str, str]:
    """Return the header fields that belong to a question in this version."""
    if version is SoapVersion.V1_1:
        return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": ACTION}
    return {"Content-Type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'}
