"""Whether what stands on a page can be read: its words against their ground, in both themes (WCAG 2.2, 1.4.3)."""

from playwright.sync_api import Page

FAINT = """() => {
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (css) => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = css;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    if (!element) return [255, 255, 255, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] > 0.99 ? own : over(own, ground(element.parentElement));
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const words = walker.currentNode.textContent.trim();
    if (!words || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest("svg, [aria-hidden=true], :disabled, .sr, .skip, option")) continue;
    const style = getComputedStyle(element);
    const [behind, size] = [ground(element), parseFloat(style.fontSize)];
    const [a, b] = [light(over(rgba(style.color), behind)), light(behind)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const needed = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < needed) found.set(`${element.tagName.toLowerCase()}.${element.className}`, `${ratio.toFixed(2)} “${words.slice(0, 30)}”`);
  }
  return [...found].map(([where, what]) => `${where}: ${what}`);
}"""


def faint(page: Page) -> list[str]:
    """Words of the page that stand out too little, in the light theme and the dark one."""
    found = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        found += [f"{theme} {one}" for one in page.evaluate(FAINT)]
    return found
