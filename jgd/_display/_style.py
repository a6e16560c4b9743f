"""The style sheet of all displays: one class, `jgd`, whose colours follow the page they stand in.

A page's own variables come first (JupyterLab's, Visual Studio Code's), so that a dark theme on a light system is dark; without
them the reader's preference decides. A display paints its own background, so that its text is legible wherever it is put. The
colours of tones and curves have a contrast of at least 3 on both backgrounds, and nothing is told by colour alone.
"""

LIGHT = {"fg": "#1f2328", "soft": "#59636e", "line": "#d1d9e0", "bg": "#ffffff", "box": "#f6f8fa"}
DARK = {"fg": "#e6edf3", "soft": "#9198a1", "line": "#3d444d", "bg": "#111418", "box": "#1c2128"}
# What pages call these: JupyterLab first, Visual Studio Code second.
OF_PAGES = {
    "fg": ("--jp-content-font-color1", "--vscode-editor-foreground"),
    "soft": ("--jp-content-font-color2", "--vscode-descriptionForeground"),
    "line": ("--jp-border-color2", "--vscode-panel-border"),
    "bg": ("--jp-layout-color0", "--vscode-editor-background"),
    "box": ("--jp-layout-color1", "--vscode-editorWidget-background"),
}


def _variables(colours: dict[str, str]) -> str:
    def value(name: str) -> str:
        first, second = OF_PAGES[name]
        return f"var({first},var({second},{colours[name]}))"

    return ";".join(f"--{name}:{value(name)}" for name in colours)


_RULES = """
.jgd{%(light)s;--good:#00875a;--warn:#b06f00;--bad:#d1495b;--note:#3b7dd8;--curve:#3b7dd8;--other:#c4692b}
@media (prefers-color-scheme:dark){.jgd{%(dark)s}}
[data-theme=dark] .jgd,[theme=dark] .jgd,[data-md-color-scheme=slate] .jgd{%(dark)s}
[data-theme=light] .jgd,[data-md-color-scheme=default] .jgd{%(light)s}
.jgd{color:var(--fg);background:var(--bg);font:13px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;max-width:60em;
padding:.4em .6em;overflow-x:auto}
.jgd header{display:flex;flex-wrap:wrap;gap:.2em .7em;align-items:baseline}
.jgd header b{font-size:1.08em}
.jgd code{font:12px/1.4 ui-monospace,Menlo,Consolas,monospace;color:inherit;background:none;padding:0;overflow-wrap:anywhere}
.jgd p{margin:.25em 0}
.jgd .tone{border:1px solid var(--note);border-left-width:4px;border-radius:3px;padding:0 .45em;white-space:nowrap}
.jgd .tone.good{border-color:var(--good)}.jgd .tone.warn{border-color:var(--warn)}.jgd .tone.bad{border-color:var(--bad)}
.jgd table{border-collapse:collapse;margin:.35em 0;font-size:inherit;color:inherit;border:0}
.jgd tr,.jgd tbody tr:nth-child(odd),.jgd tbody tr:hover{background:none}
.jgd th,.jgd td{padding:.12em .9em .12em 0;text-align:left;vertical-align:top;border:0;background:none;color:inherit;
font-weight:400;max-width:none}
.jgd td.number,.jgd th.number{text-align:right;font-variant-numeric:tabular-nums}
.jgd th,.jgd caption,.jgd .soft,.jgd figcaption{color:var(--soft)}
.jgd caption{text-align:left;padding:0;font-size:inherit}
.jgd thead th{border-bottom:1px solid var(--line)}
.jgd figure{margin:.4em 0}
.jgd svg{display:block;overflow:visible}
.jgd svg path{fill:none;stroke:var(--curve);stroke-width:1.6;stroke-linejoin:round;vector-effect:non-scaling-stroke}
.jgd svg path+path{stroke:var(--other);stroke-dasharray:4 2}
.jgd svg rect{fill:var(--curve)}
.jgd svg line{stroke:var(--line);vector-effect:non-scaling-stroke}
.jgd svg .end{stroke:var(--bad);stroke-width:2}
.jgd ol{display:flex;flex-wrap:wrap;gap:.45em 0;align-items:stretch;list-style:none;margin:.35em 0;padding:0}
.jgd li{display:flex;align-items:center;margin:0;padding:0}
.jgd li+li::before{content:"\\2192";color:var(--soft);padding:0 .45em}
.jgd .box{border:1px solid var(--line);border-radius:5px;background:var(--box);padding:.2em .6em .3em;align-self:stretch}
.jgd .box table{margin:.1em 0 0}
.jgd .box td,.jgd .box th{padding-right:.7em;font-size:12px}
.jgd .box .default{color:var(--soft)}
""".strip()

CSS = _RULES % {"light": _variables(LIGHT), "dark": _variables(DARK)}
