"""IsAlive, which the claims services answer beside their own operations.

The namespace was seen in client code; the rest of the message, made as their other operations are, is a guess.
"""

from typing import Final

from relay.soap.recognise import SoapVersion

NAMESPACE: Final = "urn:www-vecozo-nl:v1:isalive"
ACTION: Final = f"{NAMESPACE}:IsAlive"


def is_alive() -> bytes:
    """Return the whole envelope, SOAP 1.1, UTF-8."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="{SoapVersion.V1_1.envelope}">'
        f'<soap:Body><IsAlive xmlns="{NAMESPACE}"/></soap:Body></soap:Envelope>\n'
    ).encode()
