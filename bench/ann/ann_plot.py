"""recall@10 against searches a second, as an SVG: a row of two panels for each data set."""
import math
from xml.sax.saxutils import escape

COLOURS = {"ruvector": "#0b62d6", "faiss": "#8a8f98", "faiss-avx2": "#d9730d", "ruvector-ivfflat": "#0f9b8e",
           "exact": "#b3261e"}
SPARE = ["#7b3fb5", "#2e8b57", "#a0522d"]
ORDER = ["ruvector", "faiss-avx2", "faiss", "ruvector-ivfflat"]
WIDTH, HEIGHT, LEFT, TOP, GAP = 470, 330, 78, 96, 88
FONT = "font-family='Inter,Segoe UI,Helvetica,Arial,sans-serif'"


def recall_place(recall):
    """0 .. 1 on an axis that opens up towards recall 1: -log10(1 - recall) from .5 to .9998."""
    low, high = -math.log10(0.5), -math.log10(0.0002)
    return (-math.log10(max(1 - recall, 0.0002)) - low) / (high - low)


class Panel:
    def __init__(self, x, y, title, curves):
        self.x, self.y, self.title, self.curves = x, y, title, curves
        values = [qps for points in curves.values() for _, qps, _ in points]
        self.low = math.log10(min(values)) - 0.08 if values else 0
        self.high = math.log10(max(values)) + 0.12 if values else 1
        if self.high - self.low < 1:
            self.low = self.high - 1

    def at(self, recall, qps):
        return (self.x + WIDTH * recall_place(recall),
                self.y + HEIGHT * (1 - (math.log10(qps) - self.low) / (self.high - self.low)))

    def axes(self):
        out = ["<text x='%.1f' y='%.1f' font-size='13' font-weight='600' fill='#1f2328'>%s</text>" % (
            self.x, self.y - 12, escape(self.title))]
        for recall in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999):
            x = self.x + WIDTH * recall_place(recall)
            out.append("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='%s'/>" % (
                x, x, self.y, self.y + HEIGHT, "#c9ced6" if recall == 0.95 else "#eceff3"))
            out.append("<text x='%.1f' y='%.1f' font-size='11' text-anchor='middle' fill='#57606a'>%s</text>" % (
                x, self.y + HEIGHT + 17, ("%g" % recall).lstrip("0")))
        for power in range(math.floor(self.low), math.ceil(self.high) + 1):
            for step in (1, 2, 5):
                place = power + math.log10(step)
                if not self.low <= place <= self.high:
                    continue
                y = self.y + HEIGHT * (1 - (place - self.low) / (self.high - self.low))
                out.append("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#eceff3'/>" % (
                    self.x, self.x + WIDTH, y, y))
                out.append("<text x='%.1f' y='%.1f' font-size='11' text-anchor='end' fill='#57606a'>%s</text>" % (
                    self.x - 8, y + 4, format(round(step * 10 ** power), ",") if power >= 0 else step * 10 ** power))
        out.append("<rect x='%.1f' y='%.1f' width='%d' height='%d' fill='none' stroke='#8c959f'/>" % (
            self.x, self.y, WIDTH, HEIGHT))
        return out

    def draw(self, colours):
        out = self.axes()
        labels = []
        for system, points in self.curves.items():
            places = [self.at(recall, qps) for recall, qps, _ in points]
            path = " ".join("%.1f,%.1f" % place for place in places)
            out.append("<polyline points='%s' fill='none' stroke='%s' stroke-width='%s' stroke-linejoin='round'/>" % (
                path, colours[system], "2.6" if system == "ruvector" else "1.8"))
            for (x, y), (recall, qps, label) in zip(places, points):
                out.append("<circle cx='%.1f' cy='%.1f' r='%s' fill='%s' stroke='#fff'><title>%s</title></circle>" % (
                    x, y, "4" if system == "ruvector" else "3.2", colours[system], escape(
                        "%s %s: recall@10 %.4f, %.0f searches/s" % (system, label, recall, qps))))
            # the label stands right of the last point of the curve, or below it where there is no room
            x, y = places[-1]
            room = x + 14 + 8 * len(system) < self.x + WIDTH
            labels.append([y + 4, x + 9, "start", system] if room else [y + 18, x + 4, "end", system])
        labels.sort()
        for number, label in enumerate(labels):
            if number > 0 and label[0] - labels[number - 1][0] < 14:
                label[0] = labels[number - 1][0] + 14
        for y, x, anchor, system in labels:
            out.append("<text x='%.1f' y='%.1f' font-size='12' font-weight='600' text-anchor='%s' fill='%s' "
                       "stroke='#fff' stroke-width='3' paint-order='stroke'>%s</text>" % (
                           x, min(y, self.y + HEIGHT - 4), anchor, colours[system], escape(system)))
        return out


def curves_of(rows, data, value):
    curves = {}
    for row in rows:
        if row["measure"] != "search" or row["data"] != data or row["system"] == "exact" or row["recall_10"] < 0.5:
            continue
        qps = value(row)
        if qps:
            label = "ef %s" % row["ef"] if "ef" in row else "probes %s" % row.get("probes")
            curves.setdefault(row["system"], []).append((row["recall_10"], qps, label))
    for points in curves.values():
        points.sort()
    return dict(sorted(curves.items(), key=lambda pair: (ORDER + [pair[0]]).index(pair[0])))


def draw(rows, about):
    """The SVG's text."""
    names = list(dict.fromkeys(row["data"] for row in rows if row["measure"] == "search"))
    systems = list(dict.fromkeys(row["system"] for row in rows if row["measure"] == "search" and
                                 row["system"] != "exact"))
    spare = iter(SPARE * 4)
    colours = {system: COLOURS.get(system) or next(spare) for system in systems}
    width = LEFT * 2 + WIDTH * 2 + 66
    height = TOP + len(names) * (HEIGHT + GAP) - 30
    out = ["<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' width='%d' height='%d' %s>" % (
        width, height, width, height, FONT),
        "<rect width='100%' height='100%' fill='#fff'/>",
        "<text x='%d' y='30' font-size='19' font-weight='700' fill='#1f2328'>Recall@10 against searches a "
        "second</text>" % LEFT,
        "<text x='%d' y='50' font-size='12' fill='#57606a'>%s</text>" % (LEFT, escape(
            "%s, %d CPUs; PostgreSQL %s, FAISS %s; m %d, ef_construction %d; commit %s, %s; up and right is better" % (
                about["cpu"], about["cpus"], about["postgresql"].split(" ")[0], about["faiss"], about["m"],
                about["ef_construction"], about["commit"], about["date"][:10])))]
    x = width - LEFT
    for system in reversed(systems):
        x -= 16 + 7 * len(system)
        out.append("<text x='%d' y='30' font-size='12' fill='#1f2328'>%s</text>" % (x, escape(system)))
        out.append("<circle cx='%d' cy='26' r='5' fill='%s'/>" % (x - 10, colours[system]))
        x -= 22
    for number, data in enumerate(names):
        y = TOP + number * (HEIGHT + GAP)
        single = curves_of(rows, data, lambda row: 1e6 / row["mean_us"] if row.get("mean_us") else None)
        many = curves_of(rows, data, lambda row: max(row["qps"].values()) if row.get("qps") else None)
        for column, (title, curves) in enumerate((
                ("%s: one after the other, in the server (FAISS: in process)" % data, single),
                ("%s: the most with 1 to 32 clients (FAISS: threads)" % data, many))):
            if not curves:
                continue
            left = LEFT + column * (WIDTH + 66 + LEFT - 20)
            out += Panel(left, y, title, curves).draw(colours)
            out.append("<text x='%d' y='%d' font-size='12' text-anchor='middle' fill='#57606a'>recall@10</text>" % (
                left + WIDTH / 2, y + HEIGHT + 36))
    out.append("</svg>")
    return "\n".join(out) + "\n"
