"""Runs jobs again and again, each on its own, until it is cancelled."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import msgspec

from omniroute.telemetry.log import FieldValue, Log

Work: TypeAlias = Callable[[], Awaitable[dict[str, FieldValue]]]
"""Does it once. Returns what the log is to say of it; nothing for nothing to say."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`work` is done `first_s` seconds after the start, and then `every_s` seconds after it ended."""

    name: str
    work: Work
    first_s: float
    every_s: float


async def run(jobs: Iterable[Job], log: Log, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
    """Never ends by itself. A job that fails is logged and tried again when its time comes."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job, log, sleep), name=f"job {job.name}")


async def _repeat(job: Job, log: Log, sleep: Callable[[float], Awaitable[None]]) -> None:
    await sleep(job.first_s)
    while True:
        try:
            said = await job.work()
        except Exception:
            log.error(f"job {job.name}", traceback=traceback.format_exc())
        else:
            if said:
                log.info(f"job {job.name}", **said)
        await sleep(job.every_s)
