"""From the spool to the sink: in order, one stream at a time, again and again until it is through."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator

from edgy_tf.errors import RejectedError, StorageError, UplinkError
from pi_runtime.node.counts import Counts
from pi_runtime.node.sinks import Sink
from pi_runtime.node.spool import Spool

log = logging.getLogger(__name__)
LONGEST_DELAY_S = 60.0


def backoff() -> Iterator[float]:
    """Seconds to wait after each failure: doubling from 1 to 60, each by up to a half shorter, so that nodes spread."""
    delay = 1.0
    while True:
        yield delay * random.uniform(0.5, 1)
        delay = min(2 * delay, LONGEST_DELAY_S)


async def drain(spool: Spool, sink: Sink, counts: Counts, delays: Callable[[], Iterator[float]] = backoff) -> None:
    """Deliver what the spool holds and will hold, until cancelled."""
    while True:
        utterance = await spool.head()
        waits = delays()
        while spool.holds(utterance):
            try:
                await sink.deliver(utterance)
            except RejectedError as error:
                spool.set_aside(utterance, str(error))
            except (UplinkError, StorageError) as error:
                counts.failures += 1
                if counts.connected or counts.failures == 1:
                    log.warning("the sink is away: %s; streams wait in the spool", error)
                counts.connected = False
                if spool.holds(utterance):
                    await asyncio.sleep(next(waits))
            else:
                spool.done(utterance)
                if counts.failures and not counts.connected:
                    log.info("the sink is back; %d streams wait", len(spool))
                counts.connected = True
                counts.delivered += 1
                seconds, size = utterance.seconds, utterance.size
                counts.seconds_sent += seconds
                log.info("sent %.1f s of speech, %d bytes, level %s", seconds, size, utterance.level)
