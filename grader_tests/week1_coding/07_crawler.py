"""Answers to notebook 7 of week 1: wrong ones that must die, unusual ones that pass."""

import asyncio
import functools
import heapq
import json
import math
import queue
import threading
import time
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from email.utils import parsedate_to_datetime

from course.ops.proof import edited, right, wrong
from course.sim import web

# -- e1: crawl ---------------------------------------------------------------------

edited(
    "e1.scope",
    "a prefix of text: evil suffix",
    old="web.host(link) == home",
    new="link.lower().startswith('http://' + home)",
    because="evil|host",
)
edited(
    "e1.scope",
    "suffix of the host",
    old="web.host(link) == home",
    new="web.host(link).endswith(home)",
    because="evilsite|www",
)
edited(
    "e1.scope",
    "prefix of the host",
    old="web.host(link) == home",
    new="web.host(link).startswith(home)",
    because="evil.test|testing",
)
edited(
    "e1.scope",
    "substring host",
    old="web.host(link) == home",
    new="home in link",
    because="host",
)
edited(
    "e1.scope",
    "userinfo trick: what stands before @ as host",
    old="web.host(link) == home",
    new="link.partition('//')[2].partition('/')[0].partition('@')[0].partition(':')[0]"
    ".lower() == home.partition(':')[0]",
    because="@evil|port|user@",
)
edited(
    "e1.scope",
    "port is ignored",
    old="web.host(link) == home",
    new="web.host(link).partition(':')[0] == home.partition(':')[0] != ''",
    because="port",
)
edited(
    "e1.scope",
    "fragment of the seed stays",
    old="start = web.without_fragment(seed)",
    new="start = seed",
    because="fragment|place inside",
)
edited(
    "e1.scope",
    "fragments of links stay",
    old="for link in map(web.without_fragment, links):",
    new="for link in links:",
    because="fragment|place inside",
)
edited(
    "e1.scope",
    "takes the slash off",
    old="        for link in map(web.without_fragment, links):\n",
    new="        for link in map(web.without_fragment, links):\n"
    "            link = link.rstrip('/') if link.count('/') > 3 else link\n",
    because="fragment|place inside",
)
edited(
    "e1.scope",
    "https is another site",
    old="web.host(link) == home",
    new="web.host(link) == home and link.startswith('http:' if 'http:' in start "
    "else 'https:')",
    because="scheme|SITE",
)
edited(
    "e1.order",
    "depth-first",
    old="url = waiting.popleft()",
    new="url = waiting.pop()",
    because="oldest",
)
edited(
    "e1.order",
    "sorted links",
    old="for link in map(web.without_fragment, links):",
    new="for link in sorted(map(web.without_fragment, links)):",
    because="oldest",
)
edited(
    "e1.once",
    "unreachable pages are in the result",
    old="        pages.append(url)\n",
    new="",
    because="four pages",
)


@wrong("e1.once", because="seen when it is found|more than once")
def crawl__marks_at_dequeue(seed, get_links):
    start = web.without_fragment(seed)
    home = web.host(start)
    seen, waiting, pages = set(), deque([start]), []
    while waiting:
        url = waiting.popleft()
        seen.add(url)
        try:
            links = get_links(url)
        except OSError:
            continue
        pages.append(url)
        for link in map(web.without_fragment, links):
            if link not in seen and web.host(link) == home:
                waiting.append(link)
    return pages


@wrong("e1.once", because="recursion|loop")
def crawl__recursion(seed, get_links):
    start = web.without_fragment(seed)
    seen, pages = {start}, []

    def level(urls):
        found = []
        for url in urls:
            try:
                links = get_links(url)
            except OSError:
                continue
            pages.append(url)
            for link in map(web.without_fragment, links):
                if link not in seen and web.host(link) == web.host(start):
                    seen.add(link)
                    found.append(link)
        if found:
            level(found)

    level([start])
    return pages


@wrong("e1.once", because="raised|OSError")
def crawl__no_catch(seed, get_links):
    start = web.without_fragment(seed)
    seen, waiting, pages = {start}, deque([start]), []
    while waiting:
        url = waiting.popleft()
        pages.append(url)
        for link in map(web.without_fragment, get_links(url)):
            if link not in seen and web.host(link) == web.host(start):
                seen.add(link)
                waiting.append(link)
    return pages


@wrong("e1.once", because="seed cannot be reached|raised|OSError")
def crawl__seed_not_caught(seed, get_links):
    start = web.without_fragment(seed)
    seen, pages = {start}, [start]
    waiting = deque([get_links(start)])
    while waiting:
        for link in map(web.without_fragment, waiting.popleft()):
            if link not in seen and web.host(link) == web.host(start):
                seen.add(link)
                try:
                    waiting.append(get_links(link))
                except OSError:
                    continue
                pages.append(link)
    return pages


edited(
    "e1.once",
    "catches everything",
    old="        except OSError:",
    new="        except Exception:",
    because="comes through",
)
edited(
    "e1.once",
    "catches too little",
    old="        except OSError:",
    new="        except web.FetchError:",
    because="OSError|raised",
)
edited(
    "e1.once",
    "fails again for each link",
    old="        except OSError:\n            continue",
    new="        except OSError:\n            seen.discard(url)\n            continue",
    because="asked again",
)
edited(
    "e1.once",
    "a failed page is in the result",
    old="        try:\n            links = get_links(url)\n        except OSError:\n"
    "            continue\n        pages.append(url)\n",
    new="        pages.append(url)\n        try:\n            links = get_links(url)\n"
    "        except OSError:\n            continue\n",
    because="four pages fail",
)


@right("e1")
def crawl__level_by_level(seed, get_links):
    level = [seed.split("#")[0]]
    known, pages = set(level), []
    while level:
        following = []
        for url in level:
            try:
                links = get_links(url)
            except OSError:
                continue
            pages.append(url)
            for link in links:
                link = link.split("#")[0]
                if link in known or web.host(link) != web.host(level[0]):
                    continue
                known.add(link)
                following.append(link)
        level = following
    return pages


@right("e1")
def crawl__growing_list(seed, get_links):
    found = dict.fromkeys([web.without_fragment(seed)])
    urls, failed = list(found), set()
    for url in urls:
        try:
            links = get_links(url)
        except OSError:
            failed.add(url)
            continue
        for link in map(web.without_fragment, links):
            if web.host(link) == web.host(urls[0]) and link not in found:
                found[link] = None
                urls.append(link)
    return [url for url in urls if url not in failed]


# -- e2: crawl_concurrent ----------------------------------------------------------


class _Shared:
    """What the worker threads of some answers below share."""

    def __init__(self, seed):
        self.start = web.without_fragment(seed)
        self.home = web.host(self.start)
        self.changed = threading.Condition()
        self.seen = {self.start}
        self.waiting = deque([self.start])
        self.busy = 0
        self.result = CrawlResult()


@right("e2")
def crawl_concurrent__workers_and_a_condition(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)

    def work():
        while True:
            with shared.changed:
                while not shared.waiting and shared.busy:
                    shared.changed.wait()
                if not shared.waiting:
                    return
                url = shared.waiting.popleft()
                shared.busy += 1
            links, failed = [], None
            try:
                links = get_links(url)
            except Exception as error:
                failed = error
            with shared.changed:
                shared.busy -= 1
                if failed is None:
                    shared.result.pages.add(url)
                else:
                    shared.result.errors[url] = failed
                for link in map(web.without_fragment, links):
                    if web.host(link) == shared.home and link not in shared.seen:
                        shared.seen.add(link)
                        shared.waiting.append(link)
                shared.changed.notify_all()

    crew = [threading.Thread(target=work) for _ in range(workers)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return shared.result


@right("e2")
def crawl_concurrent__asyncio(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    start = web.without_fragment(seed)
    result = CrawlResult()

    async def everything():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(workers))
        room, seen, tasks = asyncio.Semaphore(workers), {start}, set()

        async def visit(url):
            async with room:
                try:
                    links = await asyncio.to_thread(get_links, url)
                except Exception as error:
                    result.errors[url] = error
                    return
            result.pages.add(url)
            for link in map(web.without_fragment, links):
                if web.host(link) == web.host(start) and link not in seen:
                    seen.add(link)
                    spawn(link)

        def spawn(url):
            tasks.add(asyncio.create_task(visit(url)))

        spawn(start)
        while tasks:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            tasks.difference_update(done)

    asyncio.run(everything())
    return result


@right("e2")
def crawl_concurrent__submits_all_that_is_known(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen = CrawlResult(), {start}
    with ThreadPoolExecutor(workers) as pool:
        running = {pool.submit(get_links, start): start}
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                url = running.pop(future)
                error = future.exception()
                if error is not None:
                    result.errors[url] = error
                    continue
                result.pages.add(url)
                for link in map(web.without_fragment, future.result()):
                    if web.host(link) == web.host(start) and link not in seen:
                        seen.add(link)
                        running[pool.submit(get_links, link)] = link
    return result


@right("e2")
def crawl_concurrent__queue_of_results(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    start = web.without_fragment(seed)
    orders, answers = queue.SimpleQueue(), queue.SimpleQueue()

    def work():
        while (url := orders.get()) is not None:
            try:
                answers.put((url, get_links(url), None))
            except Exception as error:
                answers.put((url, [], error))

    crew = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in crew:
        thread.start()
    result, seen, open_ = CrawlResult(), {start}, 1
    orders.put(start)
    while open_:
        url, links, error = answers.get()
        open_ -= 1
        if error is None:
            result.pages.add(url)
        else:
            result.errors[url] = error
        for link in map(web.without_fragment, links):
            if web.host(link) == web.host(start) and link not in seen:
                seen.add(link)
                open_ += 1
                orders.put(link)
    for _ in crew:
        orders.put(None)
    for thread in crew:
        thread.join()
    return result


@wrong("e2.race", because="one owner|one step")
def crawl_concurrent__check_then_add(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)

    def work():
        while True:
            with shared.changed:
                while not shared.waiting and shared.busy:
                    shared.changed.wait()
                if not shared.waiting:
                    return
                url = shared.waiting.popleft()
                shared.busy += 1
            links = []
            try:
                links = get_links(url)
                shared.result.pages.add(url)
            except Exception as error:
                shared.result.errors[url] = error
            for link in map(web.without_fragment, links):
                if web.host(link) == shared.home and link not in shared.seen:
                    shared.seen.add(link)
                    with shared.changed:
                        shared.waiting.append(link)
                        shared.changed.notify()
            with shared.changed:
                shared.busy -= 1
                shared.changed.notify_all()

    crew = [threading.Thread(target=work) for _ in range(workers)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return shared.result


@wrong("e2.race", because="one owner|one step")
def crawl_concurrent__a_queue_is_not_enough(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    start = web.without_fragment(seed)
    line, seen, result = queue.Queue(), {start}, CrawlResult()
    line.put(start)

    def work():
        while (url := line.get()) is not None:
            try:
                links = get_links(url)
                result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if web.host(link) == web.host(start) and link not in seen:
                        seen.add(link)
                        line.put(link)
            except Exception as error:
                result.errors[url] = error
            line.task_done()

    crew = [threading.Thread(target=work) for _ in range(workers)]
    for thread in crew:
        thread.start()
    line.join()
    for _ in crew:
        line.put(None)
    for thread in crew:
        thread.join()
    return result


edited(
    "e2.rolling",
    "waves",
    old="return_when=FIRST_COMPLETED",
    new="return_when='ALL_COMPLETED'",
    because="do not wait for the others",
)


@wrong("e2.rolling", because="do not wait for the others")
@wrong("e2.alone", because="hangs")
def crawl_concurrent__maps_each_level(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen, level = CrawlResult(), {start}, [start]

    def fetch(url):
        try:
            return get_links(url), None
        except Exception as error:
            return [], error

    with ThreadPoolExecutor(workers) as pool:
        while level:
            following = []
            for url, (links, error) in zip(level, pool.map(fetch, level), strict=True):
                if error is not None:
                    result.errors[url] = error
                    continue
                result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if web.host(link) == web.host(start) and link not in seen:
                        seen.add(link)
                        following.append(link)
            level = following
    return result


@wrong("e2.rolling", because="do not wait for the others")
def crawl_concurrent__as_completed_of_each_batch(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen, waiting = CrawlResult(), {start}, deque([start])
    with ThreadPoolExecutor(workers) as pool:
        while waiting:
            batch = {pool.submit(get_links, url): url for url in waiting}
            waiting.clear()
            for future in as_completed(batch):
                try:
                    links = future.result()
                except Exception as error:
                    result.errors[batch[future]] = error
                    continue
                result.pages.add(batch[future])
                for link in map(web.without_fragment, links):
                    if web.host(link) == web.host(start) and link not in seen:
                        seen.add(link)
                        waiting.append(link)
    return result


@wrong("e2.rolling", because="do not wait for the others")
@wrong("e2.idle", because="lines")
def crawl_concurrent__one_after_the_other(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    result = CrawlResult()
    start = web.without_fragment(seed)
    seen, waiting = {start}, deque([start])
    while waiting:
        url = waiting.popleft()
        box = []

        def fetch(url=url, box=box):
            try:
                box.append((get_links(url), None))
            except Exception as error:
                box.append(([], error))

        threading.Thread(target=fetch).start()
        while not box:
            time.sleep(0.001)
        links, error = box[0]
        if error is not None:
            result.errors[url] = error
            continue
        result.pages.add(url)
        for link in map(web.without_fragment, links):
            if web.host(link) == web.host(start) and link not in seen:
                seen.add(link)
                waiting.append(link)
    return result


@wrong("e2.rolling", because="do not wait for the others")
def crawl_concurrent__fetches_under_the_lock(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)

    def work():
        while True:
            with shared.changed:
                if not shared.waiting:
                    return
                url = shared.waiting.popleft()
                try:
                    links = get_links(url)
                except Exception as error:
                    shared.result.errors[url] = error
                    continue
                shared.result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if web.host(link) == shared.home and link not in shared.seen:
                        shared.seen.add(link)
                        shared.waiting.append(link)

    crew = [threading.Thread(target=work) for _ in range(workers)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return shared.result


@wrong("e2.bound", because="calls of get_links at once")
def crawl_concurrent__thread_per_url(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)
    crew = []

    def work(url):
        links = []
        try:
            links = get_links(url)
        except Exception as error:
            shared.result.errors[url] = error
        with shared.changed:
            if url not in shared.result.errors:
                shared.result.pages.add(url)
            for link in map(web.without_fragment, links):
                if web.host(link) == shared.home and link not in shared.seen:
                    shared.seen.add(link)
                    spawn(link)

    def spawn(url):
        thread = threading.Thread(target=work, args=[url])
        crew.append(thread)
        thread.start()

    spawn(shared.start)
    for thread in crew:
        thread.join()
    return shared.result


edited(
    "e2.bound",
    "unbounded: the pool's own default, and all that waits",
    old="    with ThreadPoolExecutor(max_workers=workers) as pool:",
    new="    if workers < 1:\n        raise ValueError\n    workers = 30\n"
    "    with ThreadPoolExecutor(max_workers=workers) as pool:",
    because="calls of get_links at once",
)
edited(
    "e2.bound",
    "one too many",
    old="    with ThreadPoolExecutor(max_workers=workers) as pool:",
    new="    workers += workers > 0\n"
    "    with ThreadPoolExecutor(max_workers=workers) as pool:",
    because="calls of get_links at once",
)
edited(
    "e2.idle",
    "busy loop",
    old="            done, _ = wait(running, return_when=FIRST_COMPLETED)\n",
    new="            done = [future for future in running if future.done()]\n",
    because="lines of your code",
)
edited(
    "e2.idle",
    "sleep-polling",
    old="            done, _ = wait(running, return_when=FIRST_COMPLETED)\n",
    new="            done, _ = wait(running, timeout=0.002)\n",
    because="lines of your code",
)
edited(
    "e2.alone",
    "result() ends the crawl",
    old="                try:\n                    links = future.result()\n"
    "                except Exception as error:\n"
    "                    result.errors[url] = error\n"
    "                    continue\n",
    new="                links = future.result()\n",
    because="raised|try of its own",
)
edited(
    "e2.alone",
    "only OSError is caught",
    old="                except Exception as error:",
    new="                except OSError as error:",
    because="raised|try of its own",
)
edited(
    "e2.alone",
    "errors are forgotten",
    old="                    result.errors[url] = error\n",
    new="                    pass\n",
    because="errors",
)
edited(
    "e2.alone",
    "errors as text",
    old="                    result.errors[url] = error\n",
    new="                    result.errors[url] = str(error)\n",
    because="errors",
)
edited(
    "e2.pages",
    "errors are pages too",
    old="                    continue\n                result.pages.add(url)\n",
    new="                    links = []\n                result.pages.add(url)\n",
    because="pages",
)


@wrong("e2.pages", because="more than once")
def crawl_concurrent__marks_at_dequeue(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen, waiting = CrawlResult(), set(), deque([start])
    with ThreadPoolExecutor(workers) as pool:
        running = {}
        while waiting or running:
            while waiting and len(running) < workers:
                url = waiting.popleft()
                seen.add(url)
                running[pool.submit(get_links, url)] = url
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                url = running.pop(future)
                try:
                    links = future.result()
                except Exception as error:
                    result.errors[url] = error
                    continue
                result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if link not in seen and web.host(link) == web.host(start):
                        waiting.append(link)
    return result


edited(
    "e2.pages",
    "any host",
    old="if link not in seen and web.host(link) == home:",
    new="if link not in seen and web.host(link):",
    because="errors",
)
edited(
    "e2.pages",
    "fragments stay",
    old="for link in map(web.without_fragment, links):",
    new="for link in links:",
    because="pages|errors|more than once",
)


@wrong("e2.end", because="workers were busy|in flight may bring")
def crawl_concurrent__workers_go_home(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)

    def work():
        while True:
            with shared.changed:
                if not shared.waiting:
                    return
                url = shared.waiting.popleft()
            links = []
            try:
                links = get_links(url)
                shared.result.pages.add(url)
            except Exception as error:
                shared.result.errors[url] = error
            with shared.changed:
                for link in map(web.without_fragment, links):
                    if web.host(link) == shared.home and link not in shared.seen:
                        shared.seen.add(link)
                        shared.waiting.append(link)

    crew = [threading.Thread(target=work) for _ in range(workers)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return shared.result


@wrong("e2.end", because="pages|raised|busy|in flight")
def crawl_concurrent__ends_when_the_queue_is_empty(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen, waiting = CrawlResult(), {start}, deque([start])
    running = {}
    with ThreadPoolExecutor(workers) as pool:
        while waiting:
            while waiting and len(running) < workers:
                url = waiting.popleft()
                running[pool.submit(get_links, url)] = url
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                url = running.pop(future)
                try:
                    links = future.result()
                except Exception as error:
                    result.errors[url] = error
                    continue
                result.pages.add(url)
                for link in map(web.without_fragment, links):
                    if link not in seen and web.host(link) == web.host(start):
                        seen.add(link)
                        waiting.append(link)
    return result


@wrong("e2.end", because="did not return|wake who waits")
def crawl_concurrent__nobody_says_it_is_over(seed, get_links, *, workers):
    if workers < 1:
        raise ValueError
    shared = _Shared(seed)

    def work():
        while True:
            with shared.changed:
                while not shared.waiting and shared.busy:
                    shared.changed.wait()
                if not shared.waiting:
                    return
                url = shared.waiting.popleft()
                shared.busy += 1
            links = []
            try:
                links = get_links(url)
                shared.result.pages.add(url)
            except Exception as error:
                shared.result.errors[url] = error
            with shared.changed:
                shared.busy -= 1
                for link in map(web.without_fragment, links):
                    if web.host(link) == shared.home and link not in shared.seen:
                        shared.seen.add(link)
                        shared.waiting.append(link)
                        shared.changed.notify()

    crew = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    return shared.result


@wrong("e2.end", because="threads that are left")
def crawl_concurrent__pool_is_not_closed(seed, get_links, *, workers):
    start = web.without_fragment(seed)
    result, seen, waiting = CrawlResult(), {start}, deque([start])
    running = {}
    pool = ThreadPoolExecutor(workers)
    while waiting or running:
        while waiting and len(running) < workers:
            url = waiting.popleft()
            running[pool.submit(get_links, url)] = url
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            url = running.pop(future)
            try:
                links = future.result()
            except Exception as error:
                result.errors[url] = error
                continue
            result.pages.add(url)
            for link in map(web.without_fragment, links):
                if link not in seen and web.host(link) == web.host(start):
                    seen.add(link)
                    waiting.append(link)
    return result


# -- e3: next_retry ----------------------------------------------------------------

edited(
    "e3.which",
    "retries 404",
    old="    if status not in RETRYABLE or attempt >= limit:",
    new="    if status not in RETRYABLE | {404} or attempt >= limit:",
    because="404",
)
edited(
    "e3.which",
    "retries all of 5xx",
    old="    if status not in RETRYABLE or attempt >= limit:",
    new="    if not (status is None or status == 429 or 500 <= status < 600) "
    "or attempt >= limit:",
    because="501|retry no answer",
)
edited(
    "e3.which",
    "no answer is given up",
    old="    if status not in RETRYABLE or attempt >= limit:",
    new="    if status is None or status not in RETRYABLE or attempt >= limit:",
    because="None",
)
edited(
    "e3.which",
    "one attempt too many",
    old="attempt >= limit",
    new="attempt > limit",
    because="limit",
)
edited(
    "e3.which",
    "for ever",
    old=" or attempt >= limit",
    new="",
    because="limit",
)
edited(
    "e3.which",
    "429 only with Retry-After",
    old="    if status not in RETRYABLE or attempt >= limit:",
    new="    if status == 429 and not headers:\n        return None\n"
    "    if status not in RETRYABLE or attempt >= limit:",
    because="429",
)
edited(
    "e3.waits",
    "no jitter",
    old="    wait = u * min(",
    new="    wait = 1.0 * min(",
    because="base",
)
edited(
    "e3.waits",
    "equal jitter",
    old="    wait = u * min(",
    new="    wait = (0.5 + u / 2) * min(",
    because="base",
)
edited(
    "e3.waits",
    "overflow",
    old="base * 2.0 ** min(attempt - 1, 1000)",
    new="base * 2.0 ** (attempt - 1)",
    because="overflow",
)
edited(
    "e3.waits",
    "a step too far",
    old="min(attempt - 1, 1000)",
    new="min(attempt, 1000)",
    because="base",
)
edited(
    "e3.waits",
    "jitter before the cap",
    old="    wait = u * min(cap, base * 2.0 ** min(attempt - 1, 1000))",
    new="    wait = min(cap, u * base * 2.0 ** min(attempt - 1, 1000))",
    because="base|cap",
)
edited(
    "e3.waits",
    "linear",
    old="base * 2.0 ** min(attempt - 1, 1000)",
    new="base * attempt",
    because="base",
)
edited(
    "e3.server",
    "ignores Retry-After",
    old="            wait = max(wait, _seconds_asked_for(value, now))\n",
    new="            pass\n",
    because="larger of",
)
edited(
    "e3.server",
    "Retry-After up to the cap",
    old="max(wait, _seconds_asked_for(value, now))",
    new="max(wait, min(cap, _seconds_asked_for(value, now)))",
    because="larger of|beyond the cap",
)
edited(
    "e3.server",
    "Retry-After in place of the backoff",
    old="max(wait, _seconds_asked_for(value, now))",
    new="max(0.0, _seconds_asked_for(value, now))",
    because="larger of",
)
edited(
    "e3.server",
    "negative for a date in the past",
    old="            wait = max(wait, _seconds_asked_for(value, now))",
    new="            asked = _seconds_asked_for(value, now)\n"
    "            wait = max(wait, asked) if asked >= 0 else asked",
    because="in the past",
)
edited(
    "e3.server",
    "names as they are written",
    old='name.lower() == "retry-after"',
    new='name == "Retry-After"',
    because="letter case",
)
edited(
    "e3.server",
    "part of a name",
    old='name.lower() == "retry-after"',
    new='"retry-after" in name.lower()',
    because="letter case",
)
edited(
    "e3.server",
    "dates are not read",
    old="        return parsedate_to_datetime(value).timestamp() - now\n",
    new="        raise ValueError\n",
    because="a date",
)
edited(
    "e3.server",
    "dates count from 1970",
    old="parsedate_to_datetime(value).timestamp() - now",
    new="parsedate_to_datetime(value).timestamp()",
    because="a date|larger of",
)
edited(
    "e3.server",
    "crashes on nonsense",
    old="    except (ValueError, OverflowError):",
    new="    except OverflowError:",
    because="raised|neither",
)
edited(
    "e3.server",
    "anything that float takes",
    old="    if value.isascii() and value.isdigit():\n        return float(value)\n",
    new="    try:\n        return float(value)\n    except ValueError:\n        pass\n",
    because="neither",
)
edited(
    "e3.server",
    "anything that int takes",
    old="    if value.isascii() and value.isdigit():\n        return float(value)\n",
    new="    try:\n        return float(int(value))\n    except ValueError:\n"
    "        pass\n",
    because="neither",
)
edited(
    "e3.server",
    "digits of any script",
    old="    if value.isascii() and value.isdigit():",
    new="    if value.isdigit():",
    because="raised|neither",
)


@right("e3")
def next_retry__loop_and_regex(attempt, status, headers, *, base, cap, limit, u, now):
    if attempt >= limit or status not in (None, 429, 500, 502, 503, 504):
        return None
    try:
        bound = min(cap, math.ldexp(base, attempt - 1))
    except OverflowError:
        bound = cap
    lower = {name.casefold(): value for name, value in headers.items()}
    asked = lower.get("retry-after", "0")
    if not (asked and set(asked) <= set("0123456789")):
        try:
            asked = parsedate_to_datetime(asked).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            asked = 0
    return max(u * bound, float(asked))


# -- e4: ResumableCrawl ------------------------------------------------------------

edited(
    "e4.leases",
    "a lease never ends",
    old="        if url is None or now < self._ends[url]:",
    new="        if True:",
    because="lease",
)
edited(
    "e4.leases",
    "a lease ends a moment too late",
    old="now < self._ends[url]",
    new="now <= self._ends[url]",
    because="now >= end",
)
edited(
    "e4.leases",
    "waiting ones before those that ran out",
    old="        url = min(self._ends, key=self._ends.__getitem__, default=None)\n"
    "        if url is None or now < self._ends[url]:\n"
    "            url = self._first_waiting()\n",
    new="        url = self._first_waiting()\n"
    "        over = [one for one, end in self._ends.items() if end <= now]\n"
    "        if url is None and over:\n            url = over[0]\n",
    because="run out",
)
edited(
    "e4.leases",
    "the newest lease that ran out first",
    old="min(self._ends, key=self._ends.__getitem__, default=None)",
    new="max((u for u, end in self._ends.items() if end <= now), "
    "key=self._ends.__getitem__, default=None)",
    because="ran out first|taken first",
)
edited(
    "e4.leases",
    "a late report is refused",
    old='        if state == "done" or (',
    new='        if state in ("done", "waiting") or (',
    because="waits no more|news",
)
edited(
    "e4.leases",
    "every report is news",
    old="            return False\n",
    new="            return True\n",
    because="news|done never|unknown",
)
edited(
    "e4.leases",
    "failed is final",
    old='        if state == "done" or (state == "failed" and links is None):',
    new='        if state in ("done", "failed"):',
    because="fetched after all",
)
edited(
    "e4.leases",
    "done can fail",
    old='        if state == "done" or (state == "failed" and links is None):',
    new='        if state == "done" and links is not None or state == "failed" '
    "and links is None or url not in self._states:",
    because="done never",
)
edited(
    "e4.leases",
    "a reported URL keeps its lease",
    old="        self._ends.pop(url, None)\n        for link",
    new="        for link",
    because="lease|finished",
)
edited(
    "e4.leases",
    "a reported URL waits on",
    old='        while self._waiting and self._states[self._waiting[0]] != "waiting":',
    new='        while self._waiting and self._states[self._waiting[0]] == "leased":',
    because="waits no more|done|lease",
)
edited(
    "e4.leases",
    "unknown URLs raise",
    old='self._states.get(url, "done")',
    new="self._states[url]",
    because="KeyError|unknown",
)
edited(
    "e4.leases",
    "the second report's links count",
    old='        if state == "done" or (state == "failed" and links is None):\n'
    "            return False\n",
    new='        if state == "done" or (state == "failed" and links is None):\n'
    "            for link in links or ():\n"
    "                if link not in self._states:\n"
    '                    self._states[link] = "waiting"\n'
    "                    self._waiting.append(link)\n"
    "            return False\n",
    because="second report",
)
edited(
    "e4.states",
    "any host",
    old="if link not in self._states and web.host(link) == self._home:",
    new="if link not in self._states:",
    because="states|table",
)
edited(
    "e4.states",
    "fragments stay",
    old="for link in map(web.without_fragment, links or ()):",
    new="for link in links or ():",
    because="states|table",
)
edited(
    "e4.states",
    "the seed keeps its fragment",
    old="start = web.without_fragment(seed)",
    new="start = seed",
    because="states|table",
)
edited(
    "e4.states",
    "finished when nothing waits",
    old="        return not self._ends and self._first_waiting() is None",
    new="        return self._first_waiting() is None",
    because="finished",
)
edited(
    "e4.states",
    "a lease of nothing",
    old="        if lease <= 0:",
    new="        if lease < 0:",
    because="ResumableCrawl|ValueError",
)
edited(
    "e4.states",
    "last in, first out",
    old="            url = self._first_waiting()",
    new="            url = next((u for u in reversed(self._states) "
    'if self._states[u] == "waiting"), None)',
    because="table of states",
)
edited(
    "e4.resume",
    "forgets what is leased",
    old="        return json.dumps([self._lease, self._states, self._ends])",
    new="        kept = {u: s for u, s in self._states.items() if s != 'leased'}\n"
    "        return json.dumps([self._lease, kept or self._states, {}])",
    because="checkpoint needs|same state|never finishes|pages|raised",
)
edited(
    "e4.resume",
    "forgets the ends of leases",
    old="json.dumps([self._lease, self._states, self._ends])",
    new="json.dumps([self._lease, self._states, {}])",
    because="checkpoint needs|never finishes",
)
edited(
    "e4.resume",
    "leased ones wait again at once",
    old="        crawl._states, crawl._ends = states, ends\n",
    new="        states = {u: 'waiting' if u in ends else s "
    "for u, s in states.items()}\n        crawl._states = states\n",
    because="same state",
)
edited(
    "e4.resume",
    "forgets what is done",
    old="json.dumps([self._lease, self._states, self._ends])",
    new="json.dumps([self._lease, {u: 'waiting' if s == 'done' else s "
    "for u, s in self._states.items()}, self._ends])",
    because="handed out again",
)
edited(
    "e4.resume",
    "forgets what waits",
    old='crawl._waiting = deque(url for url in states if states[url] == "waiting")',
    new="crawl._waiting = deque()",
    because="checkpoint needs|same state",
)
edited(
    "e4.resume",
    "restores a lease of its own",
    old="        crawl = cls(next(iter(states)), lease=lease)",
    new="        crawl = cls(next(iter(states)), lease=60.0)",
    because="same state|never finishes",
)
edited(
    "e4.resume",
    "no text",
    old="        return json.dumps([self._lease, self._states, self._ends])",
    new="        return repr([self._lease, self._states, self._ends])",
    because="JSON|raised",
)
edited(
    "e4.resume",
    "sorted keys lose the order",
    old="json.dumps([self._lease, self._states, self._ends])",
    new="json.dumps([self._lease, self._states, self._ends], sort_keys=True)",
    because="same state",
)


@right("e4")
class ResumableCrawl__heap_and_rows:
    def __init__(self, seed, *, lease):
        if not lease > 0:
            raise ValueError("lease")
        self.lease, self.rows, self.heap, self.number = lease, {}, [], 0
        self.home = web.host(seed)
        self._find(web.without_fragment(seed))

    def _find(self, url):
        if url not in self.rows and web.host(url) == self.home:
            self.rows[url] = ["waiting", 0]

    def take(self, now):
        while self.heap:
            end, number, url = self.heap[0]
            if self.rows[url] != ["leased", number]:
                heapq.heappop(self.heap)
            elif end <= now:
                return self._lease(url, now)
            else:
                break
        for url, (state, _) in self.rows.items():
            if state == "waiting":
                return self._lease(url, now)
        return None

    def _lease(self, url, now):
        self.number += 1
        self.rows[url] = ["leased", self.number]
        heapq.heappush(self.heap, (now + self.lease, self.number, url))
        return url

    def report(self, url, links):
        if url not in self.rows:
            return False
        state = self.rows[url][0]
        to = "failed" if links is None else "done"
        if state in ("done", to):
            return False
        self.rows[url] = [to, 0]
        for link in links or []:
            self._find(web.without_fragment(link))
        return True

    def states(self):
        return {url: state for url, (state, _) in self.rows.items()}

    def finished(self):
        return not {"waiting", "leased"} & set(self.states().values())

    def checkpoint(self):
        rows = [[url, *row] for url, row in self.rows.items()]
        return json.dumps(
            {"lease": self.lease, "rows": rows, "heap": self.heap, "at": self.number}
        )

    @staticmethod
    def restore(text):
        saved = json.loads(text)
        crawl = ResumableCrawl__heap_and_rows(saved["rows"][0][0], lease=saved["lease"])
        crawl.rows = {url: row for url, *row in saved["rows"]}
        crawl.heap = [tuple(entry) for entry in saved["heap"]]
        crawl.number = saved["at"]
        return crawl


# -- e5: SpillingQueue -------------------------------------------------------------

edited(
    "e5.order",
    "the tail before the disk",
    old="            if len(self._disk):",
    new="            if len(self._disk) and not self._tail:",
    because="older than the disk",
)
edited(
    "e5.order",
    "the tail does not count",
    old="        return len(self._head) + len(self._disk) + len(self._tail)",
    new="        return len(self._head) + len(self._disk)",
    because="len|older",
)
edited(
    "e5.order",
    "None when empty",
    old="        return self._head.popleft()",
    new="        return self._head.popleft() if self._head else None",
    because="empty|once more",
)
edited(
    "e5.order",
    "a room of one",
    old="        if room < 2:",
    new="        if room < 1:",
    because="SpillingQueue",
)
edited(
    "e5.room",
    "the disk is never used",
    old="            self._disk.write(self._tail)\n            self._tail = []\n",
    new="            pass\n",
    because="URLs in memory",
)
edited(
    "e5.room",
    "batches of the whole room",
    old="        self._batch = room // 2",
    new="        self._batch = room",
    because="URLs in memory",
)
edited(
    "e5.room",
    "one URL at a time",
    old="        if len(self._tail) == self._batch:",
    new="        if self._tail:",
    because="whole batches",
)
edited(
    "e5.room",
    "everything goes through the disk",
    old="            else:\n                self._head.extend(self._tail)\n"
    "                self._tail = []\n",
    new="            elif self._tail:\n                self._disk.write(self._tail)\n"
    "                self._tail = []\n"
    "                self._head.extend(self._disk.read())\n",
    because="stays there|whole batches",
)
edited(
    "e5.order",
    "batches come back last first",
    old="self._head.extend(self._disk.read())",
    new="self._head.extendleft(self._disk.read())",
    because="older than the disk",
)


@right("e5")
class SpillingQueue__one_deque_and_counts:
    def __init__(self, room, disk):
        if room < 2:
            raise ValueError
        self.half, self.disk = room // 2, disk
        self.front, self.back = [], []

    def append(self, url):
        if len(self.back) >= self.half:
            if not self.front and not len(self.disk):
                self.front = self.back[::-1]
            else:
                self.disk.write(self.back)
            self.back = []
        self.back.append(url)

    def popleft(self):
        if not self.front:
            if len(self.disk):
                self.front = self.disk.read()[::-1]
            else:
                self.front, self.back = self.back[::-1], []
        return self.front.pop()

    def __len__(self):
        return len(self.front) + len(self.disk) + len(self.back)


# -- e6: bloom_params --------------------------------------------------------------


@wrong("e6.smallest", because="bits|fewer|rate")
def bloom_params__textbook(n, fp):
    if n < 1 or not 0 < fp < 1:
        raise ValueError
    bits = math.ceil(-n * math.log(fp) / math.log(2) ** 2)
    return bits, max(1, round(bits / n * math.log(2)))


edited(
    "e6.smallest",
    "rounds down",
    old="(math.ceil(-k * n / math.log1p(-(fp ** (1 / k)))), k)",
    new="(int(-k * n / math.log1p(-(fp ** (1 / k)))), k)",
    because="bits|rate|raised",
)
edited(
    "e6.smallest",
    "only the k below",
    old="{max(1, math.floor(best)), math.ceil(best)}",
    new="{max(1, math.floor(best))}",
    because="both sides",
)
edited(
    "e6.smallest",
    "only the k above",
    old="{max(1, math.floor(best)), math.ceil(best)}",
    new="{math.ceil(best)}",
    because="both sides",
)
edited(
    "e6.smallest",
    "takes fp = 1",
    old="not 0 < fp < 1",
    new="not 0 < fp <= 1",
    because="ValueError|raised",
)
edited(
    "e6.smallest",
    "takes n = 0",
    old="if n < 1 or",
    new="if n < 0 or",
    because="ValueError",
)


@right("e6")
def bloom_params__search(n, fp):
    if n < 1 or fp <= 0 or fp >= 1:
        raise ValueError

    @functools.cache
    def bits(k):
        return math.ceil(k * n / -math.log1p(-math.exp(math.log(fp) / k)))

    k = 1
    while bits(k + 1) < bits(k) or (k < -2 * math.log2(fp) and bits(k + 1) == bits(k)):
        k += 1
    return min((bits(j), j) for j in range(1, k + 2))
