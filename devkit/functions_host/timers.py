"""Timer triggers: six-field NCRONTAB in UTC, held by one host at a time, with the past-due rule.

The lease and the schedule's status are blobs in `azure-webjobs-hosts`, where the Functions host keeps its own.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, BlobServiceClient
from cronsim import CronSim, CronSimError

from devkit.functions_host.scan import HOSTS_CONTAINER, make_container
from devkit.functions_host.settings import SettingsError
from devkit.functions_host.workers import say

LEASE_SECONDS = 60  # of the lock that one host holds for each timer: a dead one's timers stand still so long
TRIES = 4  # how often a lease's time the lock is renewed, or asked for: a dead host's timers are silent for 60 to 75 s
MONITORED_SECONDS = 60.0  # the shortest time between two runs of which the next one is written down
FIELDS = 6

Run = Callable[[bool, dict[str, Any]], Awaitable[None]]


class Schedule:
    """An NCRONTAB expression: `{second} {minute} {hour} {day} {month} {day of week}`, in UTC."""

    def __init__(self, expression: str, function: str) -> None:
        if len(expression.split()) != FIELDS:
            raise SettingsError(f"{function}: the schedule {expression!r} needs six fields, seconds first")
        self.expression = expression
        try:
            self.after(dt.datetime.now(dt.UTC))
        except (CronSimError, StopIteration) as problem:
            raise SettingsError(f"{function}: the schedule {expression!r} is not NCRONTAB: {problem}") from problem

    def after(self, moment: dt.datetime) -> dt.datetime:
        """The first due time after `moment` (UTC, whole seconds)."""
        return next(CronSim(self.expression, moment))

    @property
    def is_monitored(self) -> bool:
        """Whether a run that was missed is made up for: not where it runs more often than once a minute."""
        first = self.after(dt.datetime.now(dt.UTC))
        return (self.after(first) - first).total_seconds() >= MONITORED_SECONDS


class Timer:
    """Runs one function on its schedule while this host holds the function's lease."""

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        storage: BlobServiceClient,
        host: str,
        run: Run,
        *,
        lease: float,
        monitor: bool,
    ) -> None:
        """`lease` in seconds, 15 to 60; `monitor`: whether missed runs are made up for, where the schedule allows."""
        self._name = name
        self._lease = int(lease)
        self._monitored = monitor and schedule.is_monitored
        self._abandoned = False
        self._schedule = schedule
        self._run = run
        self._container = storage.get_container_client(HOSTS_CONTAINER)
        self._lock = self._container.get_blob_client(f"locks/{host}/Host.Functions.{name}.Listener")
        self._status = self._container.get_blob_client(f"timers/{host}/Host.Functions.{name}/status")

    async def watch(self, *, on_startup: bool) -> None:
        """Hold the lease and keep the schedule, for ever; without the lease, wait for it."""
        await make_container(self._container)
        while True:
            try:
                lease = await self._acquire()
                try:
                    await self._hold(lease, on_startup=on_startup)
                finally:
                    if not self._abandoned:
                        await lease.release()
            except ResourceExistsError:
                pass  # another host has the lease
            except Exception as problem:  # noqa: BLE001 - whatever it is, the next round tries again and this one is told
                say(f"timer {self._name}: {type(problem).__name__}: {problem}")
            await asyncio.sleep(self._lease / TRIES)

    def abandon(self) -> None:
        """The lock is not given back, as when the process is gone."""
        self._abandoned = True

    async def _acquire(self) -> BlobLeaseClient:
        """The lease; ResourceExistsError while another host has it."""
        try:
            return await self._lock.acquire_lease(self._lease)
        except ResourceNotFoundError:
            await _create(self._lock)
            return await self._lock.acquire_lease(self._lease)

    async def _hold(self, lease: BlobLeaseClient, *, on_startup: bool) -> None:
        """Run at every due time until the lease is lost."""
        renewal = asyncio.create_task(self._renew(lease))
        schedule = asyncio.create_task(self._keep(on_startup=on_startup))
        try:
            await asyncio.wait([renewal, schedule], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (renewal, schedule):
                task.cancel()
            outcomes = await asyncio.gather(renewal, schedule, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):  # not a CancelledError: that is how the other task was ended
                raise outcome

    async def _renew(self, lease: BlobLeaseClient) -> None:
        """Keep the lease alive; whatever storage says against it ends the holding."""
        while True:
            await asyncio.sleep(self._lease / TRIES)
            await lease.renew()

    async def _keep(self, *, on_startup: bool) -> None:
        """The schedule itself: at once when a due time was missed, then at each due time."""
        missed = self._monitored and await self._missed()
        if missed or on_startup:
            await self._fire(past_due=missed)
        while True:
            now = dt.datetime.now(dt.UTC)
            due = self._schedule.after(now)
            if self._monitored:
                await self._save(due)
            await asyncio.sleep(max(0.0, (due - dt.datetime.now(dt.UTC)).total_seconds()))
            await self._fire(past_due=False)

    async def _fire(self, *, past_due: bool) -> None:
        """One run; a failed one is over, the schedule goes on."""
        moment = dt.datetime.now(dt.UTC)
        status = {"Last": moment.isoformat(), "Next": self._schedule.after(moment).isoformat()}
        await self._run(past_due, status)

    async def _missed(self) -> bool:
        """Whether the time that was written down as the next one has passed, or was cut off by a host's end."""
        try:
            content = await (await self._status.download_blob()).readall()
        except ResourceNotFoundError:
            return False
        try:
            due = dt.datetime.fromisoformat(json.loads(content)["Next"])
        except (ValueError, KeyError):
            return True
        return due < dt.datetime.now(dt.UTC)

    async def _save(self, due: dt.datetime) -> None:
        """Write the next due time down, for the host that comes after this one."""
        now = dt.datetime.now(dt.UTC).isoformat()
        await self._status.upload_blob(json.dumps({"Next": due.isoformat(), "LastUpdated": now}), overwrite=True)


async def _create(blob: BlobClient) -> None:
    """Make an empty blob unless it is there."""
    try:
        await blob.upload_blob(b"", overwrite=False)
    except ResourceExistsError:
        return
