"""The words of the insurance check, spelled out a second time so that no slip of the pen goes unseen."""

from relay.soap import cov


def test_the_namespaces_and_the_action_are_those_that_clients_use() -> None:
    assert cov.NAMESPACE == "http://schemas.vecozo.nl/VZ801802/v1"
    assert cov.MESSAGES == "http://schemas.vecozo.nl/VZ801802/v1/messages"
    assert cov.TYPES == "http://schemas.vecozo.nl/VZ801802/v1/types"
    assert cov.ACTION == "http://schemas.vecozo.nl/VZ801802/v1/Controleer"


def test_the_result_codes_are_complete() -> None:
    assert " ".join(cov.Outcome) == "VerzoekAkkoord GeenZoekopdrachten MeerDan20Zoekopdrachten"
    assert " ".join(cov.QueryOutcome) == (
        "Gevonden GevondenPeildatumInToekomst NietGevonden BsnOnbekend BsnVoldoetNietAanElfProef "
        "CombinatieBsnGeboortedatumOnbekend GeenGeldigZoekpad MeerdereZoekpadenOpgegeven "
        "MeerderePersonenGevonden Peildatum2JaarOfOuder"
    )
    assert " ".join(cov.InsuredOutcome) == (
        "ActieveVerzekeringen DubbeleActieveVerzekeringenGevonden InactieveVerzekeringen"
    )
    assert " ".join(cov.PolicyOutcome) == "Actief Inactief NietGeautoriseerdVoorZorgverzekeraar"


def test_queries_and_policies_have_the_elements_that_clients_use_in_their_order() -> None:
    assert " ".join(cov.QUERY_FIELDS) == (
        "Volgnummer Geboortedatum Peildatum Bsn Verzekerdenummer Postcode ReferentieZorgaanbieder "
        "Huisnummer Huisnummertoevoeging"
    )
    assert " ".join(cov.POLICY_FIELDS) == (
        "Resultaat UZOVI Verzekerdenummer SoortVerzekering Pakketcode Pakketnaam Labelcode Labelnaam "
        "Ingangsdatum Einddatum"
    )
    assert set(cov.QUERY_FIELDS) > cov.QUERY_REQUIRED
