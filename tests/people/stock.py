"""A warehouse's stock-taking, by somebody who lives in the shell: progress bars, timings, ``!`` lines, logging, rich
displays that are updated and cleared."""

from __future__ import annotations

FILES = {
    "in/north.csv": "item,n,price\nbolt,1200,0.05\nnut,900,0.03\nhinge,40,2.5\n",
    "in/south.csv": "item,n,price\nbolt,300,0.06\nhandle,75,4.2\nhinge,12,2.4\n",
    "in/west.csv": "item,n,price\nnut,-5,0.03\nhandle,31,4.0\nlock,8,11.9\n",
}

CELLS = {
    "extension": "%load_ext nbflow",
    "where": "!ls in | wc -l",
    "imports": """\
import csv, json, logging, os, sys, time, warnings
from pathlib import Path
from IPython.display import HTML, Markdown, JSON, clear_output, display
from tqdm import tqdm, trange""",
    "logs": """\
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stdout, force=True)
log = logging.getLogger("stock")""",
    "env": "%env CURRENCY=EUR",
    "badge": """\
class Money(float):
    def _repr_html_(self):
        return f'<span style="color:{"crimson" if self < 0 else "inherit"}">{self:.2f} {os.environ["CURRENCY"]}</span>'

def badge(text, kind="ok"):
    return HTML(f'<span class="badge {kind}">{text}</span>')""",
    "look-shell": "%%bash\necho from bash\nls in",
    "read": """\
%%step read -i in/*.csv -o rows
%%time
rows = []
for path in tqdm(sorted(Path("in").glob("*.csv")), desc="files"):
    with path.open() as file:
        rows += [dict(row, place=path.stem) for row in csv.DictReader(file)]
    time.sleep(0.02)
log.info("%d rows", len(rows))""",
    "look-rows": "rows[:2]",
    "check": """\
%%step check -i rows -o good bad
handle = display(Markdown("*checking …*"), display_id=True)
good, bad = [], []""",
    "check-rows": """\
%%step check
for row in rows:
    row = {**row, "n": int(row["n"]), "price": float(row["price"])}
    (good if row["n"] >= 0 else bad).append(row)
    if row["n"] < 0:
        warnings.warn(f"{row['item']} in {row['place']}: {row['n']}")
        log.warning("negative stock")
handle.update(Markdown(f"**{len(good)} good**, {len(bad)} bad"))
badge(f"{len(bad)} to look at", "warn" if bad else "ok")""",
    "look-bad": "print(json.dumps(bad, indent=1))",
    "value": """\
%%step value -i good -o value
from decimal import Decimal
total = {}
for row in good:
    total[row["place"]] = total.get(row["place"], Decimal()) + row["n"] * Decimal(str(row["price"]))
value = {place: Money(v) for place, v in total.items()}
%time order = sorted(value, key=value.get)
for place in order:
    print(f"{place:>8}", end=": ")
    display(value[place])
sum(value.values())""",
    "files": """\
%%step files -i value bad -o out/
Path("out").mkdir(exist_ok=True)
for i in trange(3, leave=False, file=sys.stdout):
    Path(f"out/{list(value)[i]}.txt").write_text(f"{value[list(value)[i]]:.2f}\\n")
    clear_output(wait=True)
    print("wrote", i + 1)
!ls out
listed = !cat out/*.txt
print(listed.n, "|", listed.fields(0), file=sys.stderr)
!echo total of {len(value)} places, in `printenv CURRENCY`""",
    "files-more": "%%step files\n%%capture said\nprint('quiet', bad)\ndisplay(1)",
    "look-said": "said.show()",
    "end": """\
%%step end -i value -o summary
summary = {"places": len(value), "best": max(value, key=value.get)}
display(HTML("<b>done</b>"), JSON(summary), metadata={"isolated": True})
summary; None""",
}
LOOKS = {"where", "look-shell", "look-rows", "look-bad", "look-said"}
