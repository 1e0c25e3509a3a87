"""Jobs: everything is written once, what fails is tried again, and what ends a session loses nothing."""

from __future__ import annotations

import asyncio
import hashlib
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from ysnakes_core.errors import UsageError
from ysnakes_core.synthesis.builtin_teacher import BuiltinPlan
from ysnakes_core.synthesis.job import Job
from ysnakes_core.synthesis.job_answers import JobManners
from ysnakes_core.synthesis.job_opening import (
    changed_kinds,
    is_running,
    new_settings,
    plans_for,
    teacher_for,
    with_recipes,
)
from ysnakes_core.synthesis.job_progress import JobMeter
from ysnakes_core.synthesis.job_schedule import WINDOW, Schedule
from ysnakes_core.synthesis.job_state import (
    AttemptFailed,
    Goal,
    JobError,
    JobEvent,
    JobOutcome,
    JobSettings,
    PutAside,
    RecordStored,
    StatusChanged,
    StoredJob,
)
from ysnakes_core.synthesis.library import Library, open_library
from ysnakes_core.synthesis.library_records import Verdict
from ysnakes_core.synthesis.requests import Request
from ysnakes_core.synthesis.teachers import (
    AnswerFailed,
    TeacherAway,
    TeacherError,
    TeacherFacts,
    Usage,
    ignore,
)

MANY = 400  # more than a session has on its way at a time


@dataclass
class Plan:
    """Requests of a kind; every so manyth (``alike``) says the same as number 0."""

    kind: str
    alike: int = 0
    looked: list[int] = field(default_factory=list)

    def request(self, index: int) -> Request:
        self.looked.append(index)
        said = 0 if self.alike and index % self.alike == 0 else index
        text = f"{self.kind} {said}"
        return Request(
            kind=self.kind,
            index=index,
            seed=index,
            text=f"{text}, please",
            record_request=text,
            inputs=MappingProxyType({"n": str(index)}),
            options=MappingProxyType({"top_k": 5}),
            key=hashlib.sha256(text.encode()).hexdigest(),
        )


@dataclass
class Teacher:
    """Writes what ``behave`` says of a request and how often it was asked: text, or an error to raise."""

    behave: Callable[[Request, int], str | Exception] = lambda request, attempt: f"Answer to {request.text}."
    slots: int = 3
    kinds: tuple[str, ...] | None = None
    name: str = "fake"
    asked: list[Request] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    hold: asyncio.Event | None = None
    usage: Usage = field(default_factory=Usage)

    async def prepare(self) -> TeacherFacts:
        return TeacherFacts("fake:1b", "digest")

    async def write(self, request: Request, told: Callable[[Usage], None] = ignore) -> AsyncIterator[str]:
        self.asked.append(request)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await asyncio.sleep(0)
            result = self.behave(request, sum(one.index == request.index for one in self.asked))
            if isinstance(result, TeacherAway):
                raise result
            text = "Half of it." if isinstance(result, Exception) else result
            yield text[:3]
            if self.hold is not None:
                await self.hold.wait()
            if isinstance(result, Exception):
                raise result
            told(self.usage)
            yield text[3:]
        finally:
            self.busy -= 1

    async def close(self) -> None:
        return None


@dataclass
class Ear:
    events: list[JobEvent] = field(default_factory=list)
    then: Callable[[JobEvent], None] = lambda event: None

    def happened(self, event: JobEvent) -> None:
        self.events.append(event)
        self.then(event)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with open_library(tmp_path) as opened:
        yield opened


def a_job(library: Library, **goals: int) -> StoredJob:
    return library.jobs.create(JobSettings(tuple(Goal(kind, count) for kind, count in goals.items()), "fake"))


def session(
    library: Library,
    job: StoredJob,
    teacher: Teacher,
    plans: Sequence[Plan] = (),
    *,
    observer: Ear | None = None,
    clock: Clock | None = None,
    judge: Any = None,
    **manners: Any,
) -> Job:
    clock = clock or Clock()
    return Job(
        library,
        library.jobs.get(job.name),
        {goal.kind: Plan(goal.kind) for goal in job.settings.goals} | {plan.kind: plan for plan in plans},
        teacher,
        observer=observer,
        judge=judge,
        manners=JobManners(rng=random.Random(0), clock=clock, sleep=clock.sleep, **manners),
    )


def run(library: Library, job: StoredJob, teacher: Teacher, *plans: Plan, **more: Any) -> JobOutcome:
    return asyncio.run(session(library, job, teacher, plans, **more).run())


def written(library: Library) -> list[str]:
    return sorted(record.request for record in library.records(limit=100_000))


# Writing.


def test_a_job_writes_every_record_once_and_says_so(library: Library) -> None:
    job, ear = a_job(library, blog=5, wiki=3), Ear()
    outcome = run(library, job, Teacher(usage=Usage(11, 0.5)), observer=ear)
    assert (outcome.status, outcome.done, outcome.wanted, outcome.failed) == ("finished", 8, 8, 0)
    assert written(library) == [*(f"blog {n}" for n in range(5)), *(f"wiki {n}" for n in range(3))]
    stored = ear.of(RecordStored)
    assert sorted(event.id for event in stored) == list(range(1, 9))
    assert {(event.tokens, event.seconds) for event in stored} == {(11, 0.5)}
    assert ear.events[-1] == StatusChanged("finished")
    assert library.jobs.get(job.name).status == "finished"

    record = library.record(1)
    assert (record.teacher, record.model, record.digest) == ("fake", "fake:1b", "digest")
    assert (record.prompt, record.inputs, record.options) == ("blog 0, please", {"n": "0"}, {"top_k": 5})
    assert (record.job, record.request_index, record.seed) == (job.id, 0, 0)


def test_all_slots_are_used_and_no_more(library: Library) -> None:
    teacher = Teacher(slots=4)
    run(library, a_job(library, blog=40), teacher)
    assert teacher.most_busy == 4


def test_kinds_go_on_at_the_same_pace(library: Library) -> None:
    teacher = Teacher(slots=1)
    run(library, a_job(library, blog=30, wiki=10, poem=20), teacher)
    half = [request.kind for request in teacher.asked[:30]]
    assert {kind: half.count(kind) for kind in set(half)} == {"blog": 15, "wiki": 5, "poem": 10}


def test_a_jobs_own_options_come_over_those_of_its_kinds(library: Library) -> None:
    job = library.jobs.create(
        JobSettings((Goal("blog", 1),), "fake", options={"top_k": 9, "temperature": 1.5})
    )
    teacher = Teacher()
    run(library, job, teacher)
    assert teacher.asked[0].options == {"top_k": 9, "temperature": 1.5}
    assert library.record(1).options == {"top_k": 9, "temperature": 1.5}


def test_every_answer_is_judged(library: Library) -> None:
    def judge(teacher: str, kind: str, request: str, answer: str) -> Verdict:
        return Verdict("Short.", "rejected" if request == "blog 1" else "pending", [{"rule": kind}])

    run(library, a_job(library, blog=2), Teacher(slots=1), judge=judge)
    one, two = library.records()
    assert (one.answer, one.original, one.decision) == ("Short.", "Answer to blog 0, please.", "pending")
    assert (two.decision, two.checks) == ("rejected", ({"rule": "blog"},))


# Failing.


def test_what_fails_is_tried_again_after_ever_longer_waits(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return AnswerFailed("broken") if attempt <= 3 else "Fine."

    ear, clock, teacher = Ear(), Clock(), Teacher(behave, slots=1)
    outcome = run(library, a_job(library, blog=1), teacher, observer=ear, clock=clock)
    assert (outcome.status, outcome.done) == ("finished", 1)
    assert [event.attempt for event in ear.of(AttemptFailed)] == [1, 2, 3]
    assert [event.wait for event in ear.of(AttemptFailed)] == clock.slept
    assert clock.slept[0] < clock.slept[1] < clock.slept[2]
    assert {request.seed for request in teacher.asked} == {0}


def test_an_answer_that_cannot_be_kept_is_asked_for_with_another_seed(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return {0: "  ", another: "a <end> b"}.get(request.seed, "Fine.")

    from ysnakes_core.synthesis.job_answers import another_seed

    another = another_seed(0)
    teacher = Teacher(behave, slots=1)
    run(library, a_job(library, blog=1), teacher)
    assert len({request.seed for request in teacher.asked}) == 3
    assert library.record(1).seed == teacher.asked[-1].seed
    assert all(0 <= request.seed < 2**31 for request in teacher.asked)


def test_what_keeps_failing_is_put_aside_and_tried_again_by_the_next_session(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return AnswerFailed("broken") if request.index == 2 else "Fine."

    job, ear = a_job(library, blog=4), Ear()
    outcome = run(library, job, Teacher(behave), observer=ear, attempts=3)
    assert (outcome.status, outcome.done, outcome.failed) == ("finished", 3, 1)
    assert ear.of(PutAside) == [PutAside("blog", 2, 3, "broken")]
    [aside] = library.jobs.unwritten(job.id, "failed")
    assert (aside.request_index, aside.reason, aside.attempts) == (2, "broken", 3)
    assert library.jobs.latest_unfinished() is not None

    teacher = Teacher()
    outcome = run(library, job, teacher)
    assert (outcome.done, outcome.failed) == (4, 0)
    assert [request.index for request in teacher.asked] == [2]
    assert library.jobs.latest_unfinished() is None


def test_what_is_refused_is_put_aside_at_once(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return AnswerFailed("too long", again=False) if request.index == 0 else "Fine."

    teacher = Teacher(behave)
    outcome = run(library, a_job(library, blog=3), teacher)
    assert (outcome.done, outcome.failed) == (2, 1)
    assert len(teacher.asked) == 3


def test_a_teacher_that_fails_at_everything_ends_the_job(library: Library) -> None:
    job = a_job(library, blog=1000)
    teacher = Teacher(lambda request, attempt: AnswerFailed("broken"))
    outcome = run(library, job, teacher, attempts=2)
    assert outcome.status == "stopped"
    assert "all failed: broken" in outcome.message
    assert len(teacher.asked) < 100
    assert library.jobs.get(job.name).message == outcome.message


def test_an_error_of_the_teacher_ends_the_job_and_keeps_what_is_finished(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return TeacherError("no model", "pull it") if request.index == 5 else "Fine."

    job = a_job(library, blog=9)
    outcome = run(library, job, Teacher(behave, slots=2))
    assert (outcome.status, outcome.message, outcome.hint) == ("stopped", "no model", "pull it")
    assert outcome.done == library.count() >= 4
    assert run(library, job, Teacher()).done == 9
    assert len(set(written(library))) == 9


# The teacher goes away.


def test_a_teacher_that_is_away_is_waited_for_without_counting_attempts(library: Library) -> None:
    def behave(request: Request, attempt: int) -> str | Exception:
        return TeacherAway("gone", "start it") if clock.now < 100 else "Fine."

    ear, clock = Ear(), Clock()
    outcome = run(
        library,
        a_job(library, blog=5),
        Teacher(behave),
        observer=ear,
        clock=clock,
        attempts=1,
        patience=300.0,
    )
    assert (outcome.status, outcome.done, outcome.failed) == ("finished", 5, 0)
    assert [event.status for event in ear.of(StatusChanged)][:1] == ["waiting"]
    assert ear.of(StatusChanged)[0].hint == "start it"


def test_a_teacher_that_stays_away_ends_the_job_after_a_while(library: Library) -> None:
    clock = Clock()
    teacher = Teacher(lambda request, attempt: TeacherAway("gone", "start it", wait=7.0))
    outcome = run(library, a_job(library, blog=5), teacher, clock=clock, patience=60.0)
    assert (outcome.status, outcome.message, outcome.hint) == ("stopped", "gone", "start it")
    assert 60 <= clock.now < 120


# Ending and going on.


def test_a_session_that_is_cancelled_keeps_what_is_finished(library: Library) -> None:
    job, ear = a_job(library, blog=MANY), Ear()
    teacher = Teacher()
    running = session(library, job, teacher, observer=ear)
    ear.then = lambda event: running.cancel() if len(ear.of(RecordStored)) == 10 else None
    outcome = asyncio.run(running.run())
    assert outcome.status == "interrupted"
    assert outcome.done == library.count() >= 10
    assert teacher.busy == 0

    again = Teacher()
    assert run(library, job, again).done == MANY
    assert len(set(written(library))) == MANY
    assert len(again.asked) == MANY - outcome.done


def test_a_session_whose_task_is_cancelled_keeps_what_is_finished(library: Library) -> None:
    job, ear = a_job(library, blog=MANY), Ear()

    async def work() -> None:
        running = asyncio.create_task(session(library, job, Teacher(), observer=ear).run())
        ear.then = lambda event: running.cancel() if len(ear.of(RecordStored)) == 10 else None
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(work())
    assert 10 <= library.count() < MANY
    assert library.jobs.get(job.name).status == "interrupted"
    assert not is_running(library, job)
    assert run(library, job, Teacher()).done == MANY


def test_cancelling_does_not_wait_for_a_teacher_that_gets_ready(library: Library) -> None:
    class Slow(Teacher):
        async def prepare(self) -> TeacherFacts:
            running.cancel()
            await asyncio.Event().wait()
            raise AssertionError

    running = session(library, a_job(library, blog=5), Slow())
    assert asyncio.run(running.run()).status == "interrupted"


@dataclass
class Asks(Plan):
    """While requests are looked for, in a thread, the job is asked something."""

    ask: Callable[[], None] = lambda: None
    loop: asyncio.AbstractEventLoop | None = None

    def request(self, index: int) -> Request:
        if self.loop is not None and not self.looked:
            done = threading.Event()
            self.loop.call_soon_threadsafe(lambda: (self.ask(), done.set()))
            assert done.wait(20)
        return super().request(index)


def test_what_is_asked_while_requests_are_looked_for_holds(library: Library) -> None:
    async def cancelled() -> None:
        plan, teacher = Asks("blog"), Teacher()
        teacher.hold = asyncio.Event()  # nobody sets it
        running = session(library, a_job(library, blog=5), teacher, [plan])
        plan.ask, plan.loop = running.cancel, asyncio.get_running_loop()
        async with asyncio.timeout(20):
            assert (await running.run()).status == "interrupted"
        assert teacher.asked == []

    async def paused() -> None:
        plan, teacher = Asks("blog"), Teacher()
        running = session(library, a_job(library, blog=5), teacher, [plan])
        plan.ask, plan.loop = running.pause, asyncio.get_running_loop()
        task = asyncio.create_task(running.run())
        async with asyncio.timeout(20):
            while len(running._crew) < teacher.slots:
                await asyncio.sleep(0)
            for _ in range(50):
                await asyncio.sleep(0)
            assert teacher.asked == []
            running.go_on()
            assert (await task).done == 5

    asyncio.run(cancelled())
    asyncio.run(paused())


def test_a_job_is_written_by_one_session_at_a_time(library: Library) -> None:
    job = a_job(library, blog=3)

    async def work() -> None:
        teacher = Teacher()
        teacher.hold = asyncio.Event()
        first = asyncio.create_task(session(library, job, teacher).run())
        while not teacher.busy:
            await asyncio.sleep(0)
        assert is_running(library, job)
        with pytest.raises(JobError, match="another process"):
            await session(library, job, Teacher()).run()
        teacher.hold.set()
        assert (await first).done == 3

    asyncio.run(work())
    assert not is_running(library, job)


def test_a_paused_job_begins_nothing_until_it_goes_on(library: Library) -> None:
    async def work() -> None:
        teacher, ear = Teacher(), Ear()
        running = session(library, a_job(library, blog=MANY), teacher, observer=ear)
        ear.then = lambda event: running.pause() if len(ear.of(RecordStored)) == 6 else None
        task = asyncio.create_task(running.run())
        while running.progress().status != "paused" or teacher.busy:
            await asyncio.sleep(0)
        while len(ear.of(RecordStored)) < len(teacher.asked):
            await asyncio.sleep(0)
        asked = len(teacher.asked)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(teacher.asked) == asked < MANY
        assert library.count() == asked  # what was being written is finished
        ear.then = lambda event: None
        running.go_on()
        assert (await task).done == MANY

    asyncio.run(work())


def test_a_full_disk_ends_the_job_and_loses_nothing_kept(library: Library) -> None:
    job = a_job(library, blog=500)
    pages = library._connection.number("PRAGMA page_count")
    library._connection.number(f"PRAGMA max_page_count = {pages + 30}")
    text = "word " * 300
    outcome = run(library, job, Teacher(lambda request, attempt: text))
    assert outcome.status == "stopped"
    assert "full" in outcome.message
    assert "free some space" in outcome.hint
    kept = library.count()
    assert 0 < kept < 500
    library._connection.number(f"PRAGMA max_page_count = {pages + 100_000}")
    assert run(library, job, Teacher()).done == 500
    assert len(set(written(library))) == 500


# Requests that are alike.


def test_a_request_that_says_what_another_says_is_replaced_by_the_next(library: Library) -> None:
    job = a_job(library, blog=20)
    teacher = Teacher(slots=2)
    outcome = run(library, job, teacher, Plan("blog", alike=4))
    assert (outcome.done, outcome.wanted) == (20, 20)
    assert len(set(written(library))) == 20
    assert len(teacher.asked) == 20  # none was asked in vain
    again = Teacher()
    assert run(library, job, again, Plan("blog", alike=4)).done == 20
    assert again.asked == []


def test_a_kind_without_enough_requests_ends_with_what_there_is(library: Library) -> None:
    class Few(Plan):
        def request(self, index: int) -> Request:
            return (
                super()
                .request(index % 3 if index < 3 else 0)
                .__class__(**{**vars(Plan("blog").request(index % 3)), "index": index})
            )

    ear = Ear()
    outcome = run(library, a_job(library, blog=10), Teacher(), Few("blog"), observer=ear)
    assert (outcome.status, outcome.done, outcome.wanted) == ("finished", 3, 10)
    assert "no more records" in ear.events[-2].text


# What is in memory.


def test_only_a_window_of_requests_is_looked_at_ahead(library: Library) -> None:
    job, plan = a_job(library, blog=1_000_000), Plan("blog")

    async def work() -> None:
        schedule = Schedule(library.jobs, job.id, job.settings.goals, {"blog": plan})
        for number in range(WINDOW + 1):
            request = await schedule.next()
            assert request is not None
            assert request.index == number
            assert len(plan.looked) <= number + WINDOW

    asyncio.run(work())


def test_what_is_being_written_is_shown_up_to_a_limit(library: Library) -> None:
    async def work() -> None:
        teacher = Teacher(lambda request, attempt: "x" * 10_000)
        teacher.hold = asyncio.Event()
        running = session(library, a_job(library, blog=5), teacher)
        task = asyncio.create_task(running.run())
        while len(running.progress().writing) < 3 or not running.progress().writing[0].answer:
            await asyncio.sleep(0)
        [first, *_] = running.progress().writing
        assert (first.kind, first.request, first.answer, first.attempt) == ("blog", "blog 0", "xxx", 1)
        teacher.hold.set()
        await task
        assert running.progress().writing == ()

    asyncio.run(work())


def test_progress_tells_pace_and_what_is_left() -> None:
    clock = Clock()
    meter = JobMeter(clock)
    meter.begin((Goal("long", 20), Goal("short", 40)), {"long": 2})
    assert meter.snapshot().seconds_left is None
    for _ in range(8):  # two slots: a long one takes 10 seconds, in which two short ones are written
        clock.now += 10.0
        meter.stored("long", 10.0, 100, 8.0)
        meter.stored("short", 5.0, 50, 4.0)
        meter.stored("short", 5.0, 50, 4.0)
    meter.put_aside(PutAside("long", 5, 3, "broken"))
    progress = meter.snapshot()
    assert (progress.done, progress.wanted, progress.failed) == (26, 60, 1)
    assert progress.records_per_second == pytest.approx(24 / 80)
    assert progress.tokens_per_second == pytest.approx(20.0)
    assert progress.teacher_tokens_per_second == pytest.approx(12.5)
    assert progress.seconds_left == pytest.approx((9 * 10.0 + 24 * 5.0) / 2)
    assert progress.failures == (PutAside("long", 5, 3, "broken"),)

    for _ in range(1000):  # many in a moment are one moment
        meter.stored("short", 5.0, 50, 4.0)
    assert meter.snapshot().records_per_second == pytest.approx(1024 / 80)

    clock.now += 10_000.0  # a pause
    meter.restart_rates()
    assert meter.snapshot().records_per_second is None
    clock.now += 10.0
    meter.stored("long", 10.0, None, None)
    assert meter.snapshot().records_per_second == pytest.approx(0.1)
    assert meter.snapshot().tokens_per_second is None


# Opening one.


def test_settings_for_what_there_is_not_are_refused() -> None:
    for goals, teacher, what in (
        ([("nope", 1)], "builtin", "no kind"),
        ([("blog", 1)], "builtin", "no kind"),
        ([("story", 1)], "ollama", "no kind"),
        ([("story", 0)], "builtin", "no number"),
        ([("story", 1), ("story", 2)], "builtin", "twice"),
        ([], "builtin", "no kind of record was named"),
        ([("story", 1)], "someone", "no teacher"),
    ):
        with pytest.raises(UsageError, match=what):
            new_settings(goals, teacher)
    with pytest.raises(UsageError, match="concurrency"):
        new_settings([("blog", 1)], "ollama", concurrency=0)


def test_a_kind_that_asks_for_other_things_now_is_noticed() -> None:
    settings = new_settings([("story", 3), ("poem", 3)], "builtin", seed=1)
    plans = plans_for(settings)
    assert changed_kinds(settings, plans) == []
    assert changed_kinds(settings, {**plans, "poem": BuiltinPlan("poem", 2)}) == ["poem"]
    assert with_recipes(settings) == settings


def test_the_built_in_teacher_writes_the_same_records_for_the_same_seed(tmp_path: Path) -> None:
    texts = []
    for name, cut in (("one", 0), ("two", 7)):
        with open_library(tmp_path / name) as library:
            job = library.jobs.create(new_settings([("story", 12), ("talk", 12)], "builtin", seed=5))
            ear = Ear()
            running = Job(library, job, plans_for(job.settings), teacher_for(job.settings), observer=ear)

            def end_after(event: JobEvent, running: Job = running, ear: Ear = ear, cut: int = cut) -> None:
                if len(ear.of(RecordStored)) == cut:
                    running.cancel()

            ear.then = end_after
            asyncio.run(running.run())
            asyncio.run(Job(library, job, plans_for(job.settings), teacher_for(job.settings)).run())
            texts.append(sorted((record.request, record.answer) for record in library.records(limit=100)))
            assert library.records()[0].teacher == "builtin"
    assert len(texts[0]) == 24
    assert texts[0] == texts[1]
