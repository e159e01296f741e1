"""From a judgement to the bytes of a `ControleerResponse`."""

from collections.abc import Iterable
from datetime import date
from xml.sax.saxutils import escape

from relay.enforcer.services.cov.judgement import Finding, Judgement, policies_outcome, policy_outcome
from relay.enforcer.services.cov.persons import Insured, Policy, Sex
from relay.soap import cov
from relay.soap.cov import PolicyOutcome
from relay.soap.fault import envelope
from relay.soap.recognise import SoapVersion

# NEN-ISO/IEC 5218 as the sample of public clients shows it.
_SEX_CODES = {Sex.MALE: "1", Sex.FEMALE: "2"}

_Fields = Iterable[tuple[str, str | None]]


def write_reply(judgement: Judgement, version: SoapVersion) -> bytes:
    """Return the whole envelope, UTF-8."""
    found = "".join(_finding(finding) for finding in judgement.findings)
    results = f"<mes:Zoekresultaten>{found}</mes:Zoekresultaten>" if judgement.findings else ""
    return envelope(
        version,
        f'<{cov.RESPONSE} xmlns="{cov.NAMESPACE}">'
        f'<{cov.RESULT} xmlns:mes="{cov.MESSAGES}" xmlns:typ="{cov.TYPES}">'
        f"<mes:Resultaat>{judgement.outcome}</mes:Resultaat>{results}"
        f"</{cov.RESULT}></{cov.RESPONSE}>",
    )


def _finding(finding: Finding) -> str:
    query, person = finding.query, finding.person
    inner = _elements([("Volgnummer", str(query.number)), ("Resultaat", finding.outcome)])
    if person is not None:
        inner += _insured(person, query.reference_date)
    return f"<typ:Zoekresultaat>{inner}</typ:Zoekresultaat>"


def _insured(person: Insured, day: date) -> str:
    inner = _elements(
        [
            ("Resultaat", policies_outcome(person, day)),
            ("Geboortedatum", person.born.isoformat()),
            ("Geslacht", person.sex),
            ("CodeGeslacht", _SEX_CODES[person.sex]),
            ("Overleden", str(person.deceased).lower()),
            ("Achternaam1", person.name),
            ("Bsn", person.bsn),
            ("Voorletters", person.initials),
            ("Voorvoegsel1", person.prefix),
            ("Achternaam2", person.partner_name),
            ("Voorvoegsel2", person.partner_prefix),
        ]
    )
    policies = "".join(_policy(policy, day) for policy in person.policies)
    return f"<typ:Verzekerde>{inner}<typ:Verzekeringen>{policies}</typ:Verzekeringen></typ:Verzekerde>"


def _policy(policy: Policy, day: date) -> str:
    outcome = policy_outcome(policy, day)
    told: _Fields = [("Resultaat", outcome), ("UZOVI", policy.uzovi)]
    if outcome is not PolicyOutcome.NOT_AUTHORISED:
        told = [*told, *_terms(policy)]
    return f"<typ:Verzekering>{_elements(told)}</typ:Verzekering>"


def _terms(policy: Policy) -> _Fields:
    package_code, package_name = policy.package or (None, None)
    label_code, label_name = policy.label or (None, None)
    return [
        ("Verzekerdenummer", policy.insured_number),
        ("SoortVerzekering", policy.kind),
        ("Pakketcode", package_code),
        ("Pakketnaam", package_name),
        ("Labelcode", label_code),
        ("Labelnaam", label_name),
        ("Ingangsdatum", f"{policy.begins}T00:00:00"),
        ("Einddatum", None if policy.ends is None else f"{policy.ends}T00:00:00"),
    ]


def _elements(fields: _Fields) -> str:
    """Return an element for every field that has a value, in `types`."""
    return "".join(f"<typ:{name}>{escape(value)}</typ:{name}>" for name, value in fields if value is not None)
