"""The insurance check that does no harm: about the fictitious test person, and never in production."""

from datetime import date
from typing import Final

from relay.soap import cov
from relay.soap.recognise import SoapVersion

ACTION: Final = cov.ACTION

# The test person of public clients.
_ENVELOPE: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="{envelope}" xmlns:v1="{namespace}" xmlns:mes="{messages}" xmlns:typ="{types}">
  <soap:Body>
    <v1:{operation}>
      <v1:request>
        <mes:Zoekopdrachten>
          <typ:Zoekopdracht>
            <typ:Volgnummer>1</typ:Volgnummer>
            <typ:Geboortedatum>1962-03-15</typ:Geboortedatum>
            <typ:Peildatum>{today}</typ:Peildatum>
            <typ:Bsn>999979668</typ:Bsn>
          </typ:Zoekopdracht>
        </mes:Zoekopdrachten>
      </v1:request>
    </v1:{operation}>
  </soap:Body>
</soap:Envelope>
"""


def question(today: date) -> bytes:
    """Return the whole envelope, SOAP 1.1, UTF-8."""
    return _ENVELOPE.format(
        envelope=SoapVersion.V1_1.envelope,
        namespace=cov.NAMESPACE,
        messages=cov.MESSAGES,
        types=cov.TYPES,
        operation=cov.OPERATION,
        today=today.isoformat(),
    ).encode()
