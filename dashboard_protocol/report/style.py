"""How a report looks: the page's own colours, on screen in light and dark, on paper always light."""

LIGHT = {
    "bg": "F4F6F8", "surface": "FFFFFF", "sunken": "EEF1F5", "ink": "17202B", "ink2": "465262", "ink3": "5C6878",
    "line": "D5DBE3", "edge": "7B8796", "index": "0072B2", "band": "CFE3F1", "att": "008562", "attBand": "E8F4F0",
    "attInk": "00694D", "count": "5F6C7C", "countBand": "E6EAEF", "alert": "B84A00", "alertInk": "8F3A00",
}  # fmt: skip
DARK = {
    "bg": "0F141A", "surface": "171E26", "sunken": "1F2832", "ink": "E9EEF4", "ink2": "B3BECB", "ink3": "94A1B1",
    "line": "2E3945", "edge": "75849A", "index": "56B4E9", "band": "1C3C52", "att": "2FBF96", "attBand": "17302D",
    "attInk": "58D3B0", "count": "93A1B3", "countBand": "252E39", "alert": "F0A04B", "alertInk": "F6BC80",
}  # fmt: skip
"""The page's tokens (`web/page.css`), without `light-dark()`, which not every reader of a file knows."""


def stylesheet() -> str:
    """Return the whole stylesheet of a report."""
    return f":root{{{_tokens(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{:root{{{_tokens(DARK)}}}}}{_RULES}"


def _tokens(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:#{colour};" for name, colour in colours.items())


_RULES = """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body,h1,h2,p,dl,dd,table{margin:0;padding:0}
body{background:var(--bg);color:var(--ink);font:.875rem/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
sans-serif;font-variant-numeric:tabular-nums;padding:28px 16px 40px;-webkit-text-size-adjust:100%}
main{max-width:888px;margin:0 auto;display:grid;gap:12px}
header{padding:0 8px 8px}
h1{font-size:1.625rem;font-weight:600;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
header p{color:var(--ink2);margin-top:4px}
section{background:var(--surface);border:1px solid var(--line);border-radius:10px;padding:16px 23px;min-width:0}
h2{font-size:.9375rem;font-weight:600;margin-bottom:8px}
h2 span,.note{font-size:.75rem;font-weight:400;color:var(--ink3)}
h2 span{margin-inline-start:8px}
.note{margin-top:8px}
.headline{font-size:1.25rem;font-weight:600;line-height:1.35;max-width:36em}
.story ul{margin:10px 0 0;padding:0;list-style:none}
.story li{font-size:1rem;line-height:1.5;max-width:44em;padding-inline-start:16px;position:relative}
.story li+li{margin-top:6px}
.story li::before{content:"";position:absolute;inset-inline-start:0;top:.55em;width:6px;
height:6px;background:var(--index)}
.details p{max-width:52em}
.details p+p{margin-top:6px}
.details .note{font-size:.8125rem;max-width:none}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(100px,1fr));gap:14px 16px}
.facts dt,dl.policy dt{font-size:.8125rem;font-weight:600;color:var(--ink2)}
.facts dd{font-size:1.625rem;line-height:1.25}
.facts dd span{display:block;font-size:.75rem;color:var(--ink3)}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--ink);outline-offset:2px}
table{border-collapse:collapse;width:100%}
th,td{padding:5px 0;padding-inline-end:14px;text-align:start;vertical-align:baseline;font-weight:400;
border-top:1px solid var(--line)}
thead th{font-size:.75rem;color:var(--ink3);border:0;padding-top:0}
th[scope=row]{white-space:nowrap;color:var(--ink2)}
th:last-child,td:last-child{padding-inline-end:0}
.numbers td,.numbers thead th+th{text-align:end;white-space:nowrap}
.bars dd{display:flex;align-items:center;gap:10px}
.bars{display:grid;grid-template-columns:auto 1fr 6em;gap:6px 12px;align-items:center}
.bars dt{font-weight:400}.bars dt span{display:block;font-size:.75rem;color:var(--ink3)}
.bars i{display:block;height:12px;border-radius:2px;background:var(--sunken);overflow:hidden}
.bars i b{display:block;height:100%;background:var(--index)}
.bars dd.value{justify-content:end;white-space:nowrap}
dl.policy{display:grid;grid-template-columns:auto 1fr;gap:6px 16px}
footer{color:var(--ink2);font-size:.8125rem;padding:8px 8px 0;display:flex;flex-wrap:wrap;gap:4px 16px;
justify-content:space-between}
.spoken{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
svg{direction:ltr;display:block;max-width:100%;height:auto;font-size:12px;fill:var(--ink2)}
svg.narrow{display:none}
svg .grid{stroke:var(--line);fill:none}
svg .base,svg .tick{stroke:var(--edge);fill:none}
svg .line{fill:none;stroke:var(--count);stroke-width:1.5}
svg .line.mean{stroke:var(--index);stroke-width:2.5}
svg .line.attentive{stroke:var(--att);stroke-width:2}
svg .line.present{stroke-dasharray:3 2.5}
svg .line.facing{stroke:var(--ink);stroke-width:3}
svg .area{fill:var(--countBand)}
svg .area.attentive{fill:var(--attBand)}
svg .band{fill:var(--band)}
svg .hatching{stroke:var(--edge);stroke-width:1.2;opacity:.55}
svg .plate{fill:var(--surface)}
svg .mark{fill:var(--alertInk);font-weight:600}
svg .stem{stroke:var(--alert);stroke-dasharray:1.5 3;fill:none;stroke-width:1.5}
svg .flag{stroke:var(--ink2);fill:none}
svg .good{fill:none;stroke:var(--att);stroke-width:2}
svg .stem.rise{stroke:var(--att)}
svg .mark.rise{fill:var(--attInk)}
svg .head{fill:var(--alert)}
svg .caption{font-weight:600;fill:var(--ink)}
svg .note{font-weight:400;fill:var(--ink3)}
svg text:not(:has(tspan)){unicode-bidi:plaintext}
svg tspan{unicode-bidi:isolate}
svg .end{text-anchor:end}
svg .middle{text-anchor:middle}
svg .strong{font-weight:600;fill:var(--ink)}
svg .strong.attentive{fill:var(--attInk)}
@media screen and (max-width:719px){body{padding:18px 10px}section{padding:12px 11px}
.facts{grid-template-columns:1fr 1fr}
.bars{grid-template-columns:1fr 1fr 5em}dl.policy{grid-template-columns:1fr;gap:0}dl.policy dd{margin-bottom:8px}}
@media screen and (max-width:719px){svg.wide{display:none}svg.narrow{display:block;width:100%}}
@media print{@page{margin:14mm}:root{color-scheme:light;font-size:12.5px}body{padding:0;background:#fff}
main{max-width:none;display:block}section{break-inside:avoid;padding:10px 14px;margin-bottom:8px}
.long,.details{display:none}
tr{break-inside:avoid}.facts{grid-template-columns:repeat(7,1fr);gap:10px}
h2{break-after:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@media(forced-colors:active){svg .hatching{stroke:CanvasText;opacity:1}}
"""
