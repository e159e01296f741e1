"""A passport's papers: all that another process needs to make the same one, told to nobody else."""

from pathlib import Path

from relay.upstream.certificate import KeptCertificate
from relay.upstream.keeper import File
from relay.upstream.passport import Papers
from tests.kit import authority as kit
from tests.kit.relay import PASSWORD, system_file


def _file(folder: Path, *, trust: bool = True) -> KeptCertificate:
    (folder / "system.p12").write_bytes(system_file())
    (folder / "trust.pem").write_bytes(b"# ours\n" + kit.authority().trust_pem())
    return KeptCertificate(
        keeper=File(folder / "system.p12"),
        password_file=None,
        password=PASSWORD,
        trust=folder / "trust.pem" if trust else None,
    )


def test_papers_make_the_same_passport_after_their_files_are_gone(tmp_path: Path) -> None:
    passport = _file(tmp_path).passport(kit.AT)
    assert passport.papers is not None
    octets = passport.papers.octets()
    for file in tmp_path.iterdir():
        file.unlink()
    again = Papers.read(octets).passport()
    assert again.papers == passport.papers
    assert (again.serial, again.fingerprint, again.not_after, again.doubts) == (
        passport.serial,
        passport.fingerprint,
        passport.not_after,
        passport.doubts,
    )
    assert again.context.get_ca_certs() == passport.context.get_ca_certs() != []


def test_without_a_file_of_authorities_the_webs_are_trusted_there_too(tmp_path: Path) -> None:
    papers = _file(tmp_path, trust=False).passport(kit.AT).papers
    assert papers is not None
    assert papers.trust is None
    assert Papers.read(papers.octets()) == papers


def test_no_repr_tells_a_key(tmp_path: Path) -> None:
    passport = _file(tmp_path).passport(kit.AT)
    assert "KEY" not in f"{passport!r} {passport.papers!r}"
