from __future__ import annotations

import pytest

from script import refused
from sidecommit import NextAction
from sidecommit._core.session import Action, Blamed, Failed, GivenBack, Open, Say, Session, Settled, Work
from sidecommit.v1 import consume_pb2 as c


def started(session_id: str = "s-1", resumed: bool = False) -> c.ConsumeResponse:
    return c.ConsumeResponse(session_started=c.SessionStarted(session_id=session_id, resumed=resumed))


def delivery(delivery_id: str) -> c.ConsumeResponse:
    return c.ConsumeResponse(delivery=c.Delivery(delivery_id=delivery_id, topic="t", records=[c.ConsumedRecord()]))


def revoked(*ids: str) -> c.ConsumeResponse:
    return c.ConsumeResponse(revoked=c.Revoked(delivery_ids=ids))


def said(actions: list[Action]) -> list[str]:
    """Actions, in short."""
    short = []
    for action in actions:
        if isinstance(action, Open):
            short.append(f"open {action.subscribe.session_id}".strip())
        elif isinstance(action, Work):
            short.append(f"work {action.delivery.delivery_id}")
        elif isinstance(action, Say) and action.request.HasField("credit"):
            short.append(f"credit {action.request.credit.deliveries}")
        elif isinstance(action, Say):
            short.append(f"release {action.request.release.delivery_id}")
    return short


@pytest.fixture
def session() -> Session:
    made = Session(c.Subscribe(group_id="g"), 2)
    made.start()
    made.told(started())
    return made


def test_it_subscribes_and_asks_for_as_many_as_it_works_on() -> None:
    session = Session(c.Subscribe(group_id="g"), 3)
    assert said(session.start()) == ["open"]
    assert said(session.told(started())) == ["credit 3"]


def test_each_delivery_that_is_done_makes_room_for_another(session: Session) -> None:
    assert said(session.told(delivery("a"))) == ["work a"]
    assert said(session.told(delivery("b"))) == ["work b"]
    assert said(session.finished("a", Settled(5))) == ["credit 1"]
    assert said(session.finished("b", GivenBack())) == ["release b", "credit 1"]
    session.told(delivery("d"))
    assert said(session.finished("d", Blamed())) == ["credit 1"]
    assert session.settled == 5


def test_a_resumed_stream_tells_again_what_is_worked_on(session: Session) -> None:
    session.told(delivery("a"))
    assert said(session.broke(None)) == ["open s-1"]
    assert said(session.told(started(resumed=True))) == ["credit 1"]
    assert said(session.told(delivery("a"))) == []
    assert not session.is_void("a")
    assert said(session.finished("a", Settled(1))) == ["credit 1"]


def test_what_a_resumed_stream_brings_beyond_the_credit_waits(session: Session) -> None:
    for id in ("a", "b"):
        session.told(delivery(id))
    session.broke(None)
    session.told(started(resumed=True))
    assert said(session.told(delivery("d"))) == []
    assert said(session.finished("a", Settled(1))) == ["work d"]


def test_what_was_given_back_is_given_back_again(session: Session) -> None:
    session.told(delivery("a"))
    session.broke(None)
    assert said(session.finished("a", GivenBack())) == [], "nobody is there to hear it"
    session.told(started(resumed=True))
    assert said(session.told(delivery("a")))[0] == "release a"


def test_a_new_session_makes_what_is_worked_on_void(session: Session) -> None:
    session.told(delivery("a"))
    session.broke(None)
    assert said(session.told(started("s-2"))) == ["credit 1"]
    assert session.is_void("a")
    session.finished("a", GivenBack())
    assert not session.is_void("a")


def test_a_session_that_is_over_is_begun_anew(session: Session) -> None:
    session.told(delivery("a"))
    assert said(session.broke(refused(NextAction.BEGIN_AGAIN, "DELIVERY_TIMED_OUT"))) == ["open"]
    assert session.is_void("a")


def test_a_stream_is_opened_again_after_the_delay_that_was_asked_for(session: Session) -> None:
    (action,) = session.broke(refused(NextAction.WAIT_READY, retry_after=1.5))
    assert isinstance(action, Open)
    assert action.after == 1.5


def test_what_is_revoked_is_void_or_not_begun(session: Session) -> None:
    for id in ("a", "b"):
        session.told(delivery(id))
    session.broke(None)
    session.told(started(resumed=True))
    session.told(delivery("waiting"))
    session.told(revoked("a", "waiting", "other"))
    assert session.is_void("a")
    assert not session.is_void("b")
    assert said(session.finished("a", GivenBack())) == ["release a", "credit 1"]


def test_a_stop_gives_back_what_is_not_begun_and_waits_for_the_rest(session: Session) -> None:
    for id in ("a", "b"):
        session.told(delivery(id))
    session.broke(None)
    session.told(started(resumed=True))
    session.told(delivery("waiting"))
    assert said(session.stop()) == ["release waiting"]
    assert said(session.told(delivery("late"))) == ["release late"]
    assert not session.over
    assert said(session.finished("a", Settled(1))) == []
    assert said(session.broke(None)) == ["open s-1"], "what is worked on needs the session"
    session.finished("b", Settled(1))
    assert session.over
    assert session.settled == 2


def test_a_stream_that_breaks_when_all_is_done_stays_closed(session: Session) -> None:
    session.stop()
    assert session.broke(None) == []


@pytest.mark.parametrize("action", [NextAction.FIX_REQUEST, NextAction.STOP])
def test_a_refused_subscription_ends_it(session: Session, action: NextAction) -> None:
    session.told(delivery("a"))
    error = refused(action)
    assert session.broke(error) == []
    assert not session.over
    session.finished("a", GivenBack())
    assert session.over
    assert session.error is error


def test_the_first_failure_is_the_one_that_is_told(session: Session) -> None:
    for id in ("a", "b"):
        session.told(delivery(id))
    first, second = refused(NextAction.STOP), refused(NextAction.STOP)
    assert said(session.finished("a", Failed(first))) == ["release a"]
    session.finished("b", Failed(second))
    assert session.over
    assert session.error is first
