"""Signals of three sensors, by an engineer of the newer school: top-level await, async generators, polars, scipy,
iterators that are used up."""

from __future__ import annotations

FILES: dict[str, str] = {}

CELLS = {
    "extension": "%load_ext nbflow",
    "imports": """\
import asyncio
import contextlib
from functools import lru_cache, partial

import numpy as np
import polars as pl
from scipy import optimize, signal, stats

pl.Config.set_tbl_rows(5)
pl.Config(tbl_hide_dataframe_shape=True)
rng_of = partial(np.random.default_rng)""",
    "parameters": "sensors = ['a', 'b', 'c']\nsamples = 200",
    "source": '''\
async def readings(sensor):
    """what comes in, a bit at a time"""
    rng = rng_of(ord(sensor))
    t = np.linspace(0, 1, samples)
    level = np.sin(2 * np.pi * (3 + ord(sensor) % 3) * t) + rng.normal(0, 0.2, samples)
    for chunk in np.array_split(level, 4):
        await asyncio.sleep(0)
        yield chunk


async def collect(sensor):
    return pl.DataFrame({"sensor": sensor, "x": np.concatenate([c async for c in readings(sensor)])})


@contextlib.contextmanager
def section(name):
    print(f"<{name}>")
    yield
    print(f"</{name}>")''',
    "collect": """\
%%step collect -o df
parts = await asyncio.gather(*map(collect, sensors))
df = pl.concat(parts).with_row_index("i")
df""",
    "look-group": "df.group_by('sensor', maintain_order=True).agg(pl.col('x').std())",
    "filtered": """\
%%step filtered -i df -o smooth
b, a = signal.butter(3, 0.15)
smooth = df.with_columns(
    pl.col("x").map_batches(lambda s: pl.Series(signal.filtfilt(b, a, s.to_numpy())), return_dtype=pl.Float64)
    .over("sensor").alias("smooth")
)
async with asyncio.TaskGroup() as group:
    done = group.create_task(asyncio.sleep(0, "filtered"))
print(done.result())
smooth.tail(2)""",
    "look-lazy": "smooth.lazy().filter(pl.col('x') > 1).explain()",
    "wave": """\
def wave(t, f, phase, size):
    return size * np.sin(2 * np.pi * f * t + phase)


@lru_cache
def times(n):
    return np.linspace(0, 1, n)""",
    "fit": """\
%%step fit -i smooth -o fitted
def fits():
    for (name,), part in smooth.group_by("sensor", maintain_order=True):
        y = part["smooth"].to_numpy()
        first = [np.argmax(np.abs(np.fft.rfft(y))), 0, 1]
        yield name, optimize.curve_fit(wave, times(len(y)), y, first)[0]

stream = fits()
name, best = next(stream)
with section("first"):
    print(name, best.round(2))
fitted = {name: best, **dict(stream)}
next(stream, "used up")""",
    "fit-more": "%%step fit\nprint(*(f'{k}: {v[0]:.2f} Hz' for k, v in fitted.items()), sep='\\n')\nstream",
    "test": """\
%%step test -i smooth fitted -o verdict
residual = smooth.with_columns(
    (pl.col("smooth") - pl.Series(np.concatenate([wave(times(samples), *fitted[s]) for s in sensors]))).alias("rest")
)
verdict = {s: stats.normaltest(residual.filter(sensor=s)["rest"]).pvalue for s in sensors}
display(residual.describe())
stats.describe(residual["rest"].to_numpy())""",
    "look-await": "await asyncio.sleep(0, 'awake')",
    "say": """\
%%step say -i verdict -o said
async def tell(names):
    for name in names:
        await asyncio.sleep(0)
        yield f"{name}: {'normal' if verdict[name] > 0.05 else 'not normal'}"

said = [line async for line in tell(sorted(verdict))]
async for line in tell(["a"]):
    print(line)
said if (await asyncio.sleep(0, True)) else None""",
}
LOOKS = {"look-group", "look-lazy", "look-await"}
