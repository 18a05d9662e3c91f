"""The playbook itself: what it accepts, and that an unfinished one does not go unnoticed."""

import gc

import pytest

from tests.support.playbook import answers, ends_well, fails, playbook, tries


def test_a_play_goes_on_until_the_engine_has_ended() -> None:
    play = playbook("a", "b") >> tries("a") << fails() >> tries("b") << answers() >> ends_well()
    assert len(play.played) == 5


def test_another_step_than_the_one_that_was_written_is_a_failure_that_names_it() -> None:
    with pytest.raises(AssertionError, match="it was to try 'b'"):
        playbook("a", "b") >> tries("b")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_unfinished_playbook_fails() -> None:
    play = playbook("a", "b") >> tries("a")
    with pytest.raises(AssertionError, match="stops in the middle"):
        play.__del__()
    del play
    gc.collect()


def test_a_report_that_nobody_asked_for_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="nobody said"):
        playbook("a", "b") >> tries("a") << fails() << fails()
