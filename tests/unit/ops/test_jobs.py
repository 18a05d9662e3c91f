"""Jobs come back by themselves, and a failure of one is not the end of it."""

import asyncio

import pytest

from omniroute.ops.jobs.job import Job, run
from tests.unit.pipeline.stage import Log


class Sleep:
    """Time that passes at once, until it has passed so often; then nobody wakes any more."""

    def __init__(self, times: int) -> None:
        self.slept: list[float] = []
        self.over = asyncio.Event()
        self._times = times

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) > self._times:
            self.over.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def test_a_job_comes_back_tells_what_it_did_and_survives_its_failures() -> None:
    results = iter([{"requests": 3}, ZeroDivisionError("a bug"), {}])
    log, sleep = Log(), Sleep(3)

    async def work():
        result = next(results)
        if isinstance(result, Exception):
            raise result
        return result

    task = asyncio.get_running_loop().create_task(
        run([Job(name="sweep", work=work, first_s=60, every_s=3600)], log, sleep)
    )
    await sleep.over.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sleep.slept == [60, 3600, 3600, 3600]
    (told, fields), (failed, trace) = log.lines
    assert (told, fields) == ("job sweep", {"requests": 3})
    assert (failed, "a bug" in str(trace["traceback"])) == ("job sweep", True)
