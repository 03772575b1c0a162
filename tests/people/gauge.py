"""A river over three years, by a hydrologist: figures everywhere, their looks set up once at the top."""

from __future__ import annotations

import math
from datetime import date, timedelta


def _levels() -> str:
    """A level in cm for every day but a few; February has floods."""
    lines = ["date,cm"]
    for day in range(3 * 365):
        of_year = day % 365
        flood = 180 * math.exp(-(((of_year - 40) / (4 + day // 365)) ** 2))
        level = 220 + 60 * math.cos(of_year / 58) + 14 * math.sin(day * 0.7) + flood
        if day % 97 != 5:
            lines.append(f"{date(2021, 1, 1) + timedelta(day)},{level:.1f}")
    return "\n".join(lines) + "\n"


FILES = {"data/gauge.csv": _levels()}

CELLS = {
    "md-title": "# Gauge Kalkbrücke, 2021–2023",
    "extension": "%load_ext nbflow",
    "session": "%matplotlib inline\n%config InlineBackend.print_figure_kwargs = {'bbox_inches': None}",
    "imports": "import numpy as np, pandas as pd\nimport matplotlib.pyplot as plt\nimport matplotlib.dates as mdates",
    "style": """\
plt.style.use("seaborn-v0_8-whitegrid")
plt.rcParams.update({"figure.figsize": (6, 2), "figure.dpi": 50, "axes.titleweight": "bold"})
pd.plotting.register_matplotlib_converters()""",
    "parameters": "flood = 350  # cm\nwindow = 30  # days",
    "colours": 'BLUE, RED = "#2a6f97", "#c1121f"\nimport logging; logging.getLogger("matplotlib").setLevel("ERROR")',
    "read": """\
%%step read -i csv=data/gauge.csv -o levels
levels = pd.read_csv(csv, parse_dates=["date"], index_col="date")
levels.info()
levels.head(3)""",
    "look-all": "levels['cm'].plot(color=BLUE, lw=.5)\nplt.title('three years');",
    "look-day": "levels.loc['2022-02'].T",
    "clean": """\
%%step clean -i levels -o levels
levels = levels.asfreq("D")
print(levels["cm"].isna().sum(), "days are missing")
levels["cm"] = levels["cm"].interpolate("time").round(1)
ax = levels["cm"].rolling(window).mean().plot(color=BLUE, title=f"mean of {window} days")
ax.axhline(flood, color=RED, ls="--");""",
    "md-season": "## Season and rest\nthe season first, the rest in the same figure below it",
    "season": """\
%%step season -i levels -o season rest
of_year = levels.index.day_of_year
season = levels["cm"].groupby(of_year).mean().rolling(15, center=True, min_periods=1).mean()
fig, (above, below) = plt.subplots(2, 1, figsize=(6, 3))
above.plot(season, color=BLUE)
above.set_title("season")""",
    "look-season": "season.describe()",
    "season-rest": """\
%%step season
rest = levels["cm"] - season.reindex(of_year).to_numpy()
below.plot(rest, color="grey", lw=0.7)
below.xaxis.set_major_formatter(mdates.DateFormatter("%b %y"))
fig.autofmt_xdate()
fig""",
    "helpers": """\
def acf(x, lags):
    \"\"\"autocorrelation, the plain way\"\"\"
    x = np.asarray(x) - np.mean(x)
    return np.array([1.0] + [np.corrcoef(x[k:], x[:-k])[0, 1] for k in range(1, lags)])""",
    "memory": """\
%%step memory -i rest -o memory
memory = pd.Series(acf(rest, 20), name="acf").rename_axis("days")
memory.plot.bar(color=np.where(memory > 0.5, BLUE, "lightgrey"), width=0.9)
plt.show()
print("forgotten after", memory[memory < 1 / np.e].index[0], "days")
memory.round(2).to_dict()""",
    "floods": """\
%%step floods -i levels -o events plots/
from pathlib import Path
Path("plots").mkdir(exist_ok=True)
over = levels["cm"] > flood
events = levels[over].groupby((over != over.shift()).cumsum()[over])["cm"].agg(["idxmax", "max", "size"])
for when in events["idxmax"]:
    plt.figure(figsize=(3, 1.5))
    plt.plot(levels["cm"].loc[when - pd.Timedelta("20D"): when + pd.Timedelta("20D")].to_numpy(), c=BLUE)
    plt.title(f"{when:%d %B %Y}", fontsize=8)
    plt.savefig(f"plots/{when:%Y}.png")
events""",
    "look-files": "!ls plots\nsorted(Path('plots').iterdir())",
    "summary": """\
%%step summary -i events memory season
pd.DataFrame({"floods": [len(events)], "highest": events["max"].max(), "memory": (memory > 0.5).sum(),
              "wettest": season.idxmax()}, index=["Kalkbrücke"]).style.format(precision=1).set_caption("in short")""",
}
LOOKS = {"look-all", "look-day", "look-season", "look-files"}
