"""Follows chat rooms and outcomes: prints one JSON line per event, each event once.

It shows what a consumer of onboarding's events has to do:

* a durable pull consumer, filtered to the aggregates that it follows. They are followed
  whole, although few of their events are printed: only then `ce-aggregateversion` counts
  1, 2, 3, … and a hole shows;
* the version of each aggregate is kept with the work, in one transaction. An event that
  came before is skipped, a hole is filled through `qry.onboarding.v1.events`;
* acknowledged only after that, so a crash repeats an event and loses none;
* any trouble: pause, and go on from the durable consumer's place.
"""

import argparse
import asyncio
import json
import os
import signal
import sqlite3
import sys

import nats
from nats.errors import Error as NatsError
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

STREAM = "EVT"
FOLLOWED = ["evt.onboarding.client-profile.>", "evt.onboarding.onboarding-request.>"]
PRINTED = {"room-reserved", "room-invited", "room-activated", "room-closed", "outcome-recorded"}
EVENTS = "qry.onboarding.v1.events"


def from_message(message):
    """A CloudEvent in binary mode: the headers say what it is, the body is its data."""
    header = message.headers
    _, aggregate_type, event_type, version = header["ce-type"].split(".")
    return {
        "position": int(header["ce-sequence"]),
        "id": header["ce-id"],
        "time": header["ce-time"],
        "company": header["ce-company"],
        "aggregate_type": aggregate_type,
        "aggregate_id": header["ce-subject"],
        "aggregate_version": int(header["ce-aggregateversion"]),
        "type": event_type,
        "type_version": version.removeprefix("v"),
        "data": json.loads(message.data),
    }


def from_log(recorded):
    """The same from an answer of the query `events`."""
    return {
        "position": recorded["position"],
        "id": recorded["event_id"],
        "time": recorded["recorded_at"],
        "company": recorded["company"],
        "aggregate_type": recorded["aggregate_type"],
        "aggregate_id": recorded["aggregate_id"],
        "aggregate_version": recorded["sequence"],
        "type": recorded["event_type"],
        "type_version": recorded["event_version"],
        "data": json.loads(recorded["payload"]),
    }


class Consumer:
    def __init__(self, connection, durable, state):
        self.connection = connection
        self.durable = durable
        self.state = sqlite3.connect(state)
        self.state.execute(
            "CREATE TABLE IF NOT EXISTS seen"
            " (aggregate TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL)"
        )

    async def run(self):
        while True:
            try:
                await self.follow()
            except (NatsError, OSError) as trouble:
                print(f"going on after {type(trouble).__name__}: {trouble}", file=sys.stderr)
                await asyncio.sleep(1)

    async def follow(self):
        jetstream = self.connection.jetstream()
        # Creates the consumer, or finds it as it is.
        await jetstream.add_consumer(
            STREAM,
            ConsumerConfig(
                durable_name=self.durable,
                filter_subjects=FOLLOWED,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=30,
            ),
        )
        subscription = await jetstream.pull_subscribe_bind(self.durable, STREAM)
        try:
            while True:
                try:
                    messages = await subscription.fetch(100, timeout=5, heartbeat=1)
                except NatsTimeout:
                    # Nothing new, or the consumer is gone: then this raises.
                    await subscription.consumer_info()
                    continue
                for message in messages:
                    await self.take(from_message(message))
                    await message.ack()
        finally:
            await subscription.unsubscribe()

    async def take(self, event):
        aggregate = f"{event['aggregate_type']}/{event['aggregate_id']}"
        row = self.state.execute(
            "SELECT version, position FROM seen WHERE aggregate = ?", (aggregate,)
        ).fetchone()
        version, position = row or (0, 0)
        if event["aggregate_version"] <= version:
            return  # delivered twice
        due = [event]
        if event["aggregate_version"] > version + 1:
            due = await self.missed(event, version, position) + due
        with self.state:  # one transaction
            for each in due:
                self.handle(each)
            self.state.execute(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)",
                (aggregate, event["aggregate_version"], event["position"]),
            )

    async def missed(self, event, version, after):
        """The events of the aggregate between `version` and `event`, from the log."""
        stream = {key: event[key] for key in ("aggregate_type", "aggregate_id")}
        found = []
        while after is not None:
            question = json.dumps({"by": {"stream": stream}, "after": after}).encode()
            answer = await self.connection.request(EVENTS, question, timeout=5)
            page = json.loads(answer.data)
            if (answer.headers or {}).get("Nats-Service-Error-Code"):
                raise NatsError(f"{page['title']}: {page['detail']}")
            found += [from_log(recorded) for recorded in page["events"]]
            after = page["next_after"]
        found = [e for e in found if version < e["aggregate_version"] < event["aggregate_version"]]
        if len(found) != event["aggregate_version"] - version - 1:
            raise NatsError(f"the log has a hole before position {event['position']}")
        return found

    def handle(self, event):
        """The work itself. Here, it prints."""
        if event["type"] in PRINTED:
            print(json.dumps(event, ensure_ascii=False), flush=True)


async def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--durable", default="example-rooms", help="name of the consumer")
    arguments.add_argument("--state", default="consumer.db", help="file of what was handled")
    arguments = arguments.parse_args()

    async def say(trouble):
        print(f"NATS: {type(trouble).__name__}: {trouble}", file=sys.stderr)

    connection = await nats.connect(
        os.environ.get("NATS_URL", "nats://127.0.0.1:4222"),
        name="onboarding example consumer",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=10,
        error_cb=say,
    )
    work = asyncio.create_task(Consumer(connection, arguments.durable, arguments.state).run())
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        pass  # what is not acknowledged comes again
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
