"""From bytes to queries: reads an envelope without trusting it, and names what is wrong in the caller's words.

Deliberately strict where .NET is silent: an element out of order, doubled or unknown is a fault that names the
place, for else it would be read as absent and somebody would search for hours. Values are never quoted: they may
be a person's.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree

from relay.enforcer.services.cov.judgement import Query
from relay.registry.domain.identifiers import AgbCode, Malformed, agb_code
from relay.soap import cov
from relay.soap.recognise import SoapVersion

_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)

Element = etree._Element  # noqa: SLF001  lxml gives its element type no public name


class QuestionFault(Exception):
    """The message cannot be read as a question; `code` is an XML name, `detail` a sentence without any value."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A `Controleer` request: its queries in the order asked, and for which care provider, where it names one."""

    queries: tuple[Query, ...]
    provider: AgbCode | None = None


def read_question(body: bytes, version: SoapVersion) -> Question:
    """Return what a `Controleer` request asks.

    Raises QuestionFault for what is no XML, no envelope of this version, or no such request.
    """
    request = _only(_payload(_envelope(body, version), version), cov.NAMESPACE, "request")
    parts = _fields(request, cov.MESSAGES, ("Zorgaanbieder", "Zoekopdrachten"), {"Zoekopdrachten"}, "request")
    provider = _provider(parts["Zorgaanbieder"]) if "Zorgaanbieder" in parts else None
    queries = []
    for place, element in enumerate(parts["Zoekopdrachten"], 1):
        if element.tag != f"{{{cov.TYPES}}}Zoekopdracht":
            raise QuestionFault("unexpected_element", f"Zoekopdrachten: child {place} is no Zoekopdracht")
        queries.append(_query(element, f"Zoekopdracht {place}"))
    return Question(queries=tuple(queries), provider=provider)


def _provider(element: Element) -> AgbCode:
    """Return the AGB code: two digits of the kind of care, and six."""
    found = _fields(element, cov.TYPES, cov.PROVIDER_FIELDS, cov.PROVIDER_FIELDS, "Zorgaanbieder")
    kind, number = ((found[name].text or "").strip() for name in cov.PROVIDER_FIELDS)
    try:
        if len(kind) == 2:
            return agb_code(kind + number)
    except Malformed:
        pass
    raise QuestionFault("not_an_agb_code", f"Zorgaanbieder: {' and '.join(cov.PROVIDER_FIELDS)} are 2 and 6 digits.")


def _envelope(body: bytes, version: SoapVersion) -> Element:
    # Entities stay unexpanded, nothing is fetched, depth and size keep libxml2's limits; what is left are elements.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise QuestionFault("not_xml", "The body is not well-formed XML.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise QuestionFault("doctype", "SOAP allows no document type declaration.")
    if root.tag == f"{{{version.envelope}}}Envelope":
        return root
    if etree.QName(root).localname == "Envelope":
        raise QuestionFault("version_mismatch", f"This address speaks SOAP {version}: the envelope is another's.")
    raise QuestionFault("no_envelope", "The body is no SOAP envelope.")


def _payload(envelope: Element, version: SoapVersion) -> Element:
    namespace = f"{{{version.envelope}}}"
    for header in envelope.iterfind(f"{namespace}Header/*"):
        if header.get(f"{namespace}mustUnderstand") in {"1", "true"}:
            raise QuestionFault("header_not_understood", "A header must be understood, and this service knows none.")
    body = envelope.find(f"{namespace}Body")
    if body is None:
        raise QuestionFault("no_body", "The envelope has no Body.")
    return _only(body, cov.NAMESPACE, cov.OPERATION)


def _query(element: Element, where: str) -> Query:
    found = _fields(element, cov.TYPES, cov.QUERY_FIELDS, cov.QUERY_REQUIRED, where)
    values = {name: (part.text or "").strip() or None for name, part in found.items()}
    house_number = values.get("Huisnummer")
    return Query(
        number=_number(values["Volgnummer"], f"{where}: Volgnummer"),
        born=_date(values["Geboortedatum"], f"{where}: Geboortedatum"),
        reference_date=_date(values["Peildatum"], f"{where}: Peildatum"),
        bsn=values.get("Bsn"),
        insured_number=values.get("Verzekerdenummer"),
        postcode=values.get("Postcode"),
        house_number=None if house_number is None else _number(house_number, f"{where}: Huisnummer"),
        house_number_addition=values.get("Huisnummertoevoeging"),
    )


def _only(parent: Element, namespace: str, name: str) -> Element:
    """Return the one child, which must be this one."""
    match list(parent):
        case [child] if child.tag == f"{{{namespace}}}{name}":
            return child
        case _:
            where = etree.QName(parent).localname
            raise QuestionFault("unexpected_element", f"{where}: expected one {name} in namespace {namespace}.")


def _fields(
    parent: Element, namespace: str, names: Sequence[str], required: Collection[str], where: str
) -> dict[str, Element]:
    """Return the children by name: each at most once, in the order of `names`, none of `required` missing."""
    found: dict[str, Element] = {}
    reached = -1
    for place, child in enumerate(parent, 1):
        name = etree.QName(child).localname
        if child.tag != f"{{{namespace}}}{name}" or name not in names:
            raise QuestionFault("unexpected_element", f"{where}: child {place} is unknown in namespace {namespace}.")
        if names.index(name) <= reached:
            raise QuestionFault("element_order", f"{where}: {name} is out of order; the order is {', '.join(names)}.")
        reached = names.index(name)
        found[name] = child
    for name in names:
        if name in required and name not in found:
            raise QuestionFault("element_missing", f"{where}: {name} is missing.")
    return found


def _number(text: str | None, where: str) -> int:
    if text is None or not _NUMBER.fullmatch(text):
        raise QuestionFault("not_a_number", f"{where} is not a whole number.")
    return int(text)


def _date(text: str | None, where: str) -> date:
    found = _DATE.fullmatch(text or "")
    try:
        return date.fromisoformat(found[1] if found else "")
    except ValueError:
        raise QuestionFault("not_a_date", f"{where} is not a date; write it as 1962-03-15.") from None
