"""ZEGO's error codes: both families, every class, and what is not documented."""

import pytest

from mediarelay.domain.songs.errors import ERRORS, SERVER_API, SERVICE_CODES, ErrorClass, zego_error

CLASSES = {
    ErrorClass.RETRY: "1017010 1017013 1017015 1017048 1017097 1017098 1017099",
    ErrorClass.WAIT: "1017012",
    ErrorClass.ACQUIRE_AGAIN: "1017014 1017018 1017019 1017044 1017047 1008009 1008011",
    ErrorClass.SHARE_FIRST: "1017050",
    ErrorClass.USE_WHAT_YOU_HAVE: "1017051",
    ErrorClass.PERMANENT: "0 1017030 1017031 1017033 1017034 1017049 1017072 1017075",
    ErrorClass.INFORMATION: "1017011 1017016",
}
"""As the reference lists them; all others are to be fixed by the caller."""
FIX = [*range(1017000, 1017010), 1017020, 1017032, *range(1017040, 1017044), 1017045, 1017046, *range(1017052, 1017055)]
FIX += [1017071, 1017073, 1017074, 1017076, 1017077, *range(1017094, 1017097)]


@pytest.mark.parametrize(("kind", "codes"), [*CLASSES.items(), (ErrorClass.FIX, " ".join(map(str, FIX)))])
def test_every_code_has_its_class(kind: ErrorClass, codes: str) -> None:
    assert {code for code, (found, _) in ERRORS.items() if found is kind} == set(map(int, codes.split()))


@pytest.mark.parametrize(("service", "client"), SERVICE_CODES.items())
def test_a_service_code_is_the_client_s(service: int, client: int) -> None:
    for raw in (service, service + SERVER_API):
        error = zego_error(raw)
        assert (error.code, error.raw, error.kind) == (client, raw, ERRORS[client][0])


@pytest.mark.parametrize("raw", [1, 1017998, SERVER_API, SERVER_API + 12345, 2**53])
def test_an_unknown_code_keeps_its_number(raw: int) -> None:
    error = zego_error(raw)
    assert error.raw == raw
    assert error.kind is (ErrorClass.PERMANENT if raw == SERVER_API else ErrorClass.UNKNOWN)
    assert str(raw) in error.advice or raw == SERVER_API


def test_each_advice_is_a_sentence() -> None:
    for _, advice in ERRORS.values():
        assert advice[0].isupper()
        assert advice.endswith(".")
        assert ":" in advice, "what it is: what to do"
