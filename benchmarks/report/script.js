"use strict";
document.documentElement.classList.add("scripted");

// The theme: that of the system until somebody chooses.
const root = document.documentElement;
const theme = document.querySelector(".theme");
const dark = () => root.dataset.theme
  ? root.dataset.theme === "dark"
  : matchMedia("(prefers-color-scheme: dark)").matches;
const label = () => { theme.textContent = dark() ? "Light colours" : "Dark colours"; };
theme.hidden = false;
theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
label();

// Nothing may be folded up on paper.
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = [...document.querySelectorAll("details:not([open])")];
  unfolded.forEach((part) => { part.open = true; });
});
addEventListener("afterprint", () => {
  unfolded.forEach((part) => { part.open = false; });
  unfolded = [];
});

// The slider shows two of the pictures that stand below it, where a page without scripts shows all.
for (const slider of document.querySelectorAll(".slider")) {
  const pictures = [...slider.parentElement.querySelectorAll(".pictures img")];
  const stage = slider.querySelector(".stage");
  const range = slider.querySelector("input");
  const cut = () => {
    stage.style.setProperty("--cut", `${range.value}%`);
  };
  for (const select of slider.querySelectorAll("select")) {
    const image = stage.querySelector(`img.${select.name}`);
    const show = () => {
      const chosen = pictures[select.selectedIndex];
      image.src = chosen.src;
      image.alt = chosen.alt;
    };
    select.addEventListener("change", show);
    show();
  }
  range.addEventListener("input", cut);
  const follow = (event) => {
    const box = stage.getBoundingClientRect();
    const share = 100 * (event.clientX - box.left) / box.width;
    range.value = String(Math.min(100, Math.max(0, share)));
    cut();
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  cut();
}
