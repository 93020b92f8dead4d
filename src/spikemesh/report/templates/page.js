// The slider under a chip: each place of it is a frame of the picture above.
for (const controls of document.querySelectorAll(".steps")) {
  const names = JSON.parse(controls.dataset.names);
  const picture = controls.parentElement.querySelector(".js-plotly-plot, .plotly-graph-div");
  const [range, button, output] = ["input", "button", "output"].map((tag) => controls.querySelector(tag));
  const at_once = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
  let playing = null;
  const stop = () => { clearInterval(playing); playing = null; button.textContent = "play"; };
  const show = () => { output.textContent = names[range.value]; Plotly.animate(picture, [names[range.value]], at_once); };
  range.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (playing) { stop(); return; }
    button.textContent = "stop";
    playing = setInterval(() => { range.value = (Number(range.value) % (names.length - 1)) + 1; show(); }, 250);
  });
}

// Paper is narrower than a screen: pictures are drawn again at its width, and back afterwards.
const pictures = () => document.querySelectorAll(".plotly-graph-div");
window.addEventListener("beforeprint", () => {
  for (const picture of pictures()) Plotly.relayout(picture, { autosize: false, width: 690 });
});
window.addEventListener("afterprint", () => {
  for (const picture of pictures()) Plotly.relayout(picture, { autosize: true, width: null });
});
