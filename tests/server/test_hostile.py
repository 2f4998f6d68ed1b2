"""A real server under some hundred hostile requests of every kind: it lives, nothing is stuck, no text is told."""

from __future__ import annotations

from tests.support.programs.benches import last_line

REQUESTS = 300


def test_hostile_requests_leave_nothing_behind() -> None:
    found = last_line("hostile_requests", "--requests", str(REQUESTS))
    assert found["requests"] == REQUESTS == sum(sum(one.values()) for one in found["by_kind"].values())
    assert len(found["by_kind"]) == found["kinds"] > 120
    assert (found["crashes"], found["stuck"], found["leaked_texts"], found["good_wrong"]) == (0, 0, 0, 0)
    assert found["descriptors"] <= 0 and found["good"] > 0
    outcomes = {name: set(one) for name, one in found["by_kind"].items()}
    assert not {"UNKNOWN", "INTERNAL", "500", "OSError"} & set().union(*outcomes.values()), outcomes
    for name in ("head: no token", "head: a wrong token", "head: another scheme", "head: two tokens"):
        assert outcomes[name] == {"401"}
    for name in ("call: no token", "call: a wrong token", "call: two tokens", "call: two tokens in one"):
        assert outcomes[name] == {"UNAUTHENTICATED"}
    for name in ("call: garbage", "call: invalid UTF-8", "call: 5,000 stops", "call: a billion alternatives"):
        assert "OK" not in outcomes[name] or name == "call: garbage"
    assert outcomes["call: no such model"] == {"NOT_FOUND"}
    assert outcomes["call: a message that gzip makes small"] == {"RESOURCE_EXHAUSTED"}
