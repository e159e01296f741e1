"""What people are mailed, through a real mail server: each matter once, also after a restart; nothing lost silently."""

import io
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import orjson
import pytest

from relay.compose.relay.build import Built, build
from relay.compose.relay.concerns import concerns
from relay.compose.relay.mailing import Mailing, diary_of
from relay.compose.relay.rotation import Rotation, Tellers
from relay.mail.diary import Concern, Well
from relay.observe.history import History, Refused
from relay.observe.log import make_logger
from relay.observe.metrics import Metrics
from relay.people.matter import Matter
from relay.upstream.passport import Passport
from relay.upstream.proof import Footing, Proof, State, Word
from relay.upstream.registration import Registration
from tests.kit import authority as kit
from tests.kit.mail import PASSWORD, PostOffice, mail_settings, post_office
from tests.kit.relay import PASSWORD as P12_PASSWORD
from tests.kit.relay import read_settings, write_settings

ANNA, BRAM = "anna@delinde.example", "bram@delinde.example"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
END = kit.system().certificate.not_valid_after_utc
EGRESS = "127.0.0.9"
CARD: dict[str, object] = {
    "tenants.linde.card.organisation": "Praktijk De Linde",
    "tenants.linde.card.contacts": [{"name": "Anna Voorbeeld", "mail": ANNA}, {"name": "Bram Voorbeeld", "mail": BRAM}],
}


@dataclass
class Shown:
    """A way out whose egresses stand as a test says."""

    footings: Sequence[Footing] = ()

    def renew(self, passport: Passport) -> None:
        del passport

    def closed(self, cause: str) -> None:
        del cause


@dataclass
class Desk:
    """A relay's mailing over what is really held, stopped, expiring and proven, at whatever time a test says."""

    built: Built
    rotations: dict[str, Rotation]
    ways: dict[str, Shown]
    mails: Mailing
    out: io.BytesIO
    metrics: Metrics
    history: History = field(default_factory=History)

    def seen(self, at: datetime) -> list[Concern | Well]:
        return list(concerns(self.built, self.rotations, self.ways, self.history, at))

    async def round(self, at: datetime) -> None:
        await self.mails.round(self.seen(at), at)

    def refuse(self, at: datetime, egress: str = EGRESS) -> None:
        """Have calls held since so long before that all who know more have told."""
        for _ in range(3):
            self.built.guardroom.refused("linde", egress, permit="", at=at.timestamp() - 5)

    def events(self, name: str) -> list[dict[str, object]]:
        lines = [orjson.loads(line) for line in self.out.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]

    def count(self, result: str, matter: Matter = Matter.ADDRESS_OR_BLOCKED) -> float | None:
        labels = {"tenant": "linde", "matter": matter.value, "result": result}
        return self.metrics.registry.get_sample_value("relay_mails_total", labels)


def desk(
    folder: Path, office: PostOffice, changes: Mapping[str, object] | None = None, *, at: datetime = kit.AT
) -> Desk:
    """Return it as after a start, over what the folder has of a time before."""
    write_settings(folder, 8443, changes=CARD | mail_settings(folder, office) | dict(changes or {}))
    settings = read_settings(folder)
    built, out, metrics = build(settings, at), io.BytesIO(), Metrics()
    logger = make_logger(out)
    tellers = Tellers(logger=logger, metrics=metrics, record=lambda way, order: None, stopped=lambda way: False)
    ways = {name: Shown() for name in built.ways}
    rotations = {name: Rotation(way, ways[name], tellers, None) for name, way in built.ways.items()}
    assert built.mail is not None
    mails = Mailing(built.mail, diary_of(settings.state), built.tenants, logger, metrics)
    return Desk(built, rotations, ways, mails, out, metrics)


def _to(office: PostOffice) -> list[list[str]]:
    return [taken.to for taken in office.taken]


# -- what there is to tell --------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_the_end_of_a_certificate_is_mailed_once_at_each_mark_though_the_relay_starts_anew_each_day(
    tmp_path: Path,
) -> None:
    told: list[int] = []
    with post_office() as office:
        for days in range(100, -2, -1):
            at = END - days * DAY + MINUTE
            here = desk(tmp_path, office, at=min(at, END - MINUTE))
            for hours in (0, 8, 16):
                await here.round(at + timedelta(hours=hours))
            told += [days] * (len(office.taken) - len(told))
    assert told == [90, 60, 30, 14, 7, 1, 0]
    assert _to(office) == [[ANNA, BRAM]] * 7
    first, last = office.taken[0], office.taken[-1]
    assert "systeemcertificaat van Praktijk De Linde verloopt op" in first.mail["Subject"]
    assert first.text.startswith("Beste Anna Voorbeeld en Bram Voorbeeld,")
    assert "verlopen" in last.mail["Subject"]
    assert len({taken.mail["Message-ID"] for taken in office.taken}) == 7


async def test_what_is_renewed_already_nobody_has_to_renew(tmp_path: Path) -> None:
    issued = kit.authority().issue_system(kit.USER_NUMBER, kit.ORGANISATION, at=kit.AT, days=3000)
    (tmp_path / "next.p12").write_bytes(issued.p12(P12_PASSWORD))
    key = "tenants.linde.certificate.next"
    changes = {f"{key}.file": "next.p12", f"{key}.password_file": "password", f"{key}.at": END}
    with post_office() as office:
        await desk(tmp_path, office, changes).round(END - 5 * DAY)
    assert office.taken == []


async def test_the_certificate_of_a_family_is_told_with_its_own_user_number(tmp_path: Path) -> None:
    other = kit.authority().issue_system("20001000005555", kit.ORGANISATION, at=kit.AT - DAY, days=40)
    (tmp_path / "iwlz.p12").write_bytes(other.p12(P12_PASSWORD))
    family = "tenants.linde.certificates.iwlz"
    route = {"name": "pep", "prefix": "/acc/pep", "upstream": "https://localhost:8443", "family": "iwlz"}
    changes = {
        f"{family}.file": "iwlz.p12",
        f"{family}.password_file": "password",
        "tenants.linde.card.user_number": kit.USER_NUMBER,
        "tenants.linde.routes": [route],
    }
    with post_office() as office:
        await desk(tmp_path, office, changes).round(kit.AT)
    [taken] = office.taken
    assert "20001000005555" in taken.text
    assert kit.USER_NUMBER not in taken.text


async def test_held_calls_are_mailed_once_and_again_only_when_they_are_held_anew_after_a_day(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        await here.round(kit.AT)
        assert office.taken == []
        here.refuse(kit.AT)
        for hours in range(0, 24 * 4, 2):
            await here.round(kit.AT + timedelta(hours=hours))
        assert _to(office) == [[ANNA, BRAM]]
        assert office.taken[0].mail["Subject"] == f"Graag IP-adres {EGRESS} registreren bij VECOZO (acceptatie)"
        assert here.built.guardroom.lift("linde", None, at=kit.AT.timestamp()) == 1
        await here.round(kit.AT + 5 * DAY)
        here.refuse(kit.AT + 5 * DAY)
        await here.round(kit.AT + 5 * DAY)
        assert len(office.taken) == 2
        here.built.guardroom.lift("linde", None, at=kit.AT.timestamp())
        await here.round(kit.AT + 5 * DAY + MINUTE)
        here.refuse(kit.AT + 5 * DAY)
        for hours in (1, 12, 23):
            await here.round(kit.AT + 5 * DAY + timedelta(hours=hours))
        assert len(office.taken) == 2
        await here.round(kit.AT + 6 * DAY)
        assert len(office.taken) == 3


async def test_the_call_that_was_refused_last_is_in_the_letter_so_that_vecozo_finds_it(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        here.history.note(
            Refused(
                at=kit.AT,
                id="r1",
                trace="4bf92f3577b34da6a3ce929d0e0e4736",
                tenant="linde",
                environment="acceptance",
                family="soap",
                way="linde",
                route="cov",
                egress=EGRESS,
                certificate="1",
                cause="address_or_blocked",
                status=403,
                reason="Forbidden",
                sent="true",
                last_good=None,
            )
        )
        await here.round(kit.AT + MINUTE)
    [taken] = office.taken
    for told in ("cov op localhost", "403 Forbidden", "4bf92f3577b34da6a3ce929d0e0e4736"):
        assert told in taken.text


async def test_a_hold_of_this_moment_waits_for_the_worker_that_knows_the_call(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        await here.round(kit.AT - timedelta(seconds=4))
        assert office.taken == []
        await here.round(kit.AT - timedelta(seconds=1))
        assert len(office.taken) == 1


async def test_of_two_addresses_that_are_refused_one_mail_tells(tmp_path: Path) -> None:
    egresses = [{"source_address": EGRESS}, {"source_address": "127.0.0.10"}]
    with post_office() as office:
        here = desk(tmp_path, office, {"tenants.linde.egress": egresses})
        here.refuse(kit.AT)
        here.refuse(kit.AT, "127.0.0.10")
        await here.round(kit.AT)
    [taken] = office.taken
    assert taken.mail["Subject"].endswith("(en nog 1)")
    assert "IP-adres 127.0.0.9 registreren" in taken.text
    assert "IP-adres 127.0.0.10 registreren" in taken.text


async def test_a_quota_stop_is_mailed_to_whoever_asks_support_and_a_hold_after_it_is_a_block(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.built.guardroom.stop("linde", "cov", at=kit.AT.timestamp())
        await here.round(kit.AT + MINUTE)
        here.refuse(kit.AT)
        await here.round(kit.AT + 2 * MINUTE)
        await here.round(kit.AT + 3 * MINUTE)
    stopped, blocked = office.taken
    assert "bestemd voor VECOZO Support" in stopped.text
    assert "antwoord 429" in stopped.text
    assert "cov op localhost" in stopped.text
    assert "geblokkeerd" in blocked.text
    assert "registreren" not in blocked.text


def _footing(*, refuse: bool, seen: Sequence[str] = ("198.51.100.7", "198.51.100.7")) -> Footing:
    proof = Proof(source=IPv4Address(EGRESS), seen_as=IPv4Address(EGRESS), lasts=60)
    words = {
        number: Word(witness=f"w{number}", address=IPv4Address(each), at=0, gate=False)
        for number, each in enumerate(seen)
    }
    return proof.heard(words, at=0).footing(refuse=refuse)


async def test_an_egress_that_is_seen_under_another_address_is_mailed_with_the_word_to_wait(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.ways["linde"].footings = [_footing(refuse=True)]
        await here.round(kit.AT)
        here.ways["linde"].footings = []  # after a restart nothing is known yet
        await here.round(kit.AT + 2 * DAY)
        here.ways["linde"].footings = [_footing(refuse=True)]
        await here.round(kit.AT + 2 * DAY)
        assert len(office.taken) == 1
        here.ways["linde"].footings = [_footing(refuse=True, seen=[EGRESS])]
        await here.round(kit.AT + 3 * DAY)
        here.ways["linde"].footings = [_footing(refuse=True)]
        await here.round(kit.AT + 3 * DAY)
    assert len(office.taken) == 2
    assert office.taken[0].text.startswith("Let op: doe nog niets.")
    assert "verandert van 127.0.0.9 in 198.51.100.7" in office.taken[0].text


@pytest.mark.parametrize("refuse", [True, False], ids=["calls are refused", "calls go on"])
async def test_an_address_that_a_registry_does_not_have_is_mailed_to_whoever_registers_it(
    tmp_path: Path, refuse: bool
) -> None:
    def footings(*, has: bool | None) -> list[Footing]:
        registration = Registration(way="linde", address=EGRESS, lasts=60).heard(has, at=0)
        return [registration.judged(Footing(State.UNKNOWN), refuse=refuse)]

    with post_office() as office:
        here = desk(tmp_path, office)
        here.ways["linde"].footings = footings(has=False)
        await here.round(kit.AT)
        here.ways["linde"].footings = footings(has=None)  # after a restart nothing is known yet
        await here.round(kit.AT + 2 * DAY)
        here.ways["linde"].footings = footings(has=False)
        await here.round(kit.AT + 2 * DAY)
        assert _to(office) == [[ANNA, BRAM]]
        here.ways["linde"].footings = footings(has=True)
        await here.round(kit.AT + 3 * DAY)
        here.ways["linde"].footings = footings(has=False)
        await here.round(kit.AT + 3 * DAY)
    assert len(office.taken) == 2
    assert "staat niet geregistreerd bij het systeemcertificaat" in office.taken[0].text


@pytest.mark.parametrize(
    "footing",
    [_footing(refuse=False), _footing(refuse=True, seen=("198.51.100.7", "198.51.100.8"))],
    ids=["calls go on", "they see different ones"],
)
async def test_what_the_letter_could_not_truly_say_is_not_mailed(tmp_path: Path, footing: Footing) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.ways["linde"].footings = [footing]
        await here.round(kit.AT)
    assert office.taken == []


# -- when it does not go well -----------------------------------------------------------------------------------


async def test_whoever_is_greylisted_gets_it_later_and_the_other_not_twice_also_after_a_restart(tmp_path: Path) -> None:
    with post_office() as office:
        office.says = {BRAM: ["451 4.7.1 greylisted", "451 4.7.1 greylisted", "250 OK"]}
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        for seconds in (0, 5, 30, 59):
            await here.round(kit.AT + timedelta(seconds=seconds))
        assert office.recipients == [ANNA, BRAM]
        await here.round(kit.AT + timedelta(seconds=60))
        assert office.recipients == [ANNA, BRAM, BRAM]
        again = desk(tmp_path, office)
        await again.round(kit.AT + timedelta(seconds=65))
        await again.round(kit.AT + timedelta(seconds=500))
    assert _to(office) == [[ANNA], [BRAM]]
    failed = here.events("mail_failed")
    assert [(each["key"], each["again_in"]) for each in failed] == [
        ("tenants.linde.card.contacts.1.mail", 60), ("tenants.linde.card.contacts.1.mail", 120),
    ]  # fmt: skip
    assert "451 4.7.1 greylisted" in str(failed[0]["detail"])
    assert (here.count("accepted"), here.count("failed")) == (1, 2)


async def test_whoever_is_refused_for_good_is_told_in_the_log_and_tried_again_after_a_day(tmp_path: Path) -> None:
    with post_office() as office:
        office.says = {BRAM: [f"550 5.1.1 <{BRAM}>: no such user"]}
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        for hours in range(25):
            await here.round(kit.AT + timedelta(hours=hours))
    assert office.recipients == [ANNA, BRAM, BRAM]
    assert _to(office) == [[ANNA]]
    [first, _] = here.events("mail_refused")
    assert (first["key"], first["detail"]) == ("tenants.linde.card.contacts.1.mail", "550 5.1.1 <...>: no such user")
    assert BRAM.encode() not in here.out.getvalue()
    assert (here.count("accepted"), here.count("refused")) == (1, 2)


@pytest.mark.slow
async def test_a_dead_server_is_tried_ever_more_seldom_and_gets_all_when_it_is_back(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        here = desk(tmp_path, PostOffice(port=port))
        here.refuse(kit.AT)
        here.built.guardroom.stop("linde", "cov", at=kit.AT.timestamp())
        for minutes in range(24 * 60):
            await here.round(kit.AT + minutes * MINUTE)
    pauses = [each["again_in"] for each in here.events("mail_failed")]
    assert pauses[:8] == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert len(pauses) < 40
    assert {each["key"] for each in here.events("mail_failed")} == {"mail.host"}
    with post_office(port=port) as office:
        await here.round(kit.AT + DAY + 60 * MINUTE)
    assert len(office.taken) == 2
    assert here.events("mail_overtaken") == []


async def test_what_is_well_before_the_server_is_back_is_not_sent_and_told_in_the_log(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        here = desk(tmp_path, PostOffice(port=port))
        here.refuse(kit.AT)
        here.built.guardroom.stop("linde", "cov", at=kit.AT.timestamp())
        await here.round(kit.AT)
    here.built.guardroom.lift("linde", None, at=kit.AT.timestamp())
    with post_office(port=port) as office:
        await here.round(kit.AT + 60 * MINUTE)
        await here.round(kit.AT + 61 * MINUTE)
    assert office.taken == []
    told = [(each["tenant"], each["matter"]) for each in here.events("mail_overtaken")]
    # Each contact was owed both: what was tried, and what was not because the server was known to be gone.
    assert sorted(told) == [("linde", "blocked")] * 2 + [("linde", "quota")] * 2
    assert (here.count("overtaken", Matter.QUOTA), here.count("overtaken", Matter.BLOCKED)) == (2, 2)


async def test_a_mail_that_may_have_been_taken_is_not_sent_again_within_a_day_nor_after_a_restart(
    tmp_path: Path,
) -> None:
    with post_office() as office:
        office.breaks_off = True
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        for minutes in (0, 5, 60, 600):
            await here.round(kit.AT + minutes * MINUTE)
        office.breaks_off = False
        again = desk(tmp_path, office)
        await again.round(kit.AT + 700 * MINUTE)
        assert len(office.taken) == 1
        await again.round(kit.AT + DAY)
        await again.round(kit.AT + 2 * DAY)
    assert len(office.taken) == 2
    [told] = here.events("mail_unknown")
    assert "may have taken it" in str(told["detail"])
    assert (here.count("unknown"), here.count("failed"), again.count("accepted")) == (2, 0, 2)


async def test_a_card_without_addresses_is_told_once(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office, {"tenants.linde.card.contacts": [{"name": "Anna Voorbeeld"}]})
        here.refuse(kit.AT)
        for minutes in range(3):
            await here.round(kit.AT + minutes * MINUTE)
    assert office.taken == []
    [told] = here.events("mail_unaddressed")
    assert told["key"] == "tenants.linde.card.contacts"
    assert here.count("unaddressed") == 1


async def test_where_the_diary_cannot_be_written_people_are_told_after_an_hour(tmp_path: Path) -> None:
    """One that is started again and again, as on a full disk, would mail each time."""
    with post_office() as office:
        here = desk(tmp_path, office)
        diary = diary_of(here.built.settings.state)
        diary.write_text("[]")
        here = desk(tmp_path, office)
        [unread] = here.events("mail_diary_unreadable")
        assert str(diary) in str(unread["detail"])
        diary.unlink()
        diary.mkdir()
        for each in range(3):
            here = desk(tmp_path, office)
            here.refuse(kit.AT)
            await here.round(kit.AT + each * MINUTE)
        for minutes in (3, 30, 60):
            await here.round(kit.AT + minutes * MINUTE)
        assert office.taken == []
        for minutes in (62, 63, 700):
            await here.round(kit.AT + minutes * MINUTE)
    assert len(office.taken) == 1
    assert len(here.events("mail_diary_not_written")) == 2


async def test_the_diary_is_for_its_owner_alone_and_neither_it_nor_a_log_has_the_password(tmp_path: Path) -> None:
    with post_office() as office:
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        await here.round(kit.AT)
    diary = diary_of(here.built.settings.state)
    assert diary.stat().st_mode & 0o777 == 0o600
    for octets in (diary.read_bytes(), here.out.getvalue(), office.taken[0].octets):
        assert PASSWORD.encode() not in octets
    assert ANNA.encode() not in here.out.getvalue()
    assert PASSWORD not in repr(here.mails)


async def test_every_count_is_there_from_the_start(tmp_path: Path) -> None:
    here = desk(tmp_path, PostOffice(port=1))
    for result in ("accepted", "failed", "refused", "unknown", "overtaken", "unaddressed"):
        assert here.count(result, Matter.CERTIFICATE_EXPIRING) == 0


async def test_a_server_that_breaks_off_is_not_given_one_mail_after_another_that_may_come_twice(tmp_path: Path) -> None:
    with post_office() as office:
        office.breaks_off = True
        here = desk(tmp_path, office)
        here.refuse(kit.AT)
        here.built.guardroom.stop("linde", "cov", at=kit.AT.timestamp())
        await here.round(kit.AT)
        assert len(office.taken) == 1
        office.breaks_off = False
        await here.round(kit.AT + MINUTE)
    assert len(office.taken) == 2
    assert [here.count("accepted", each) for each in (Matter.QUOTA, Matter.BLOCKED)].count(2) == 1
