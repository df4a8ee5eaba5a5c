const small = new Audio();
let pressed = null;

function alone(playing) {
  for (const other of [small, ...document.querySelectorAll("audio")]) if (other !== playing) other.pause();
}

function listen(player) {
  const find = what => player.querySelector(what);
  const audio = find("audio"), button = find(".play"), seek = find(".seek"), clock = find(".clock");
  const tracks = [...player.querySelectorAll(".track")];
  const seconds = Number(seek.max);
  audio.controls = false;
  find(".transport").hidden = find(".choice").hidden = false;

  function show() {
    const at = Math.min(audio.currentTime, seconds);
    player.style.setProperty("--at", at / seconds);
    seek.value = at;
    seek.setAttribute("aria-valuetext", `${at.toFixed(2)} seconds`);
    clock.value = `${at.toFixed(2)} / ${seconds.toFixed(2)} s`;
    if (!audio.paused) requestAnimationFrame(show);
  }
  function name() {
    button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    button.firstElementChild.textContent = audio.paused ? "▶" : "❚❚";
  }
  function toggle() {
    if (audio.paused) audio.play(); else audio.pause();
  }
  function go(at) {
    audio.currentTime = Math.max(0, Math.min(seconds, at));
    show();
  }
  function choose(place) {
    const at = audio.ended ? 0 : audio.currentTime, playing = !audio.paused;
    tracks.forEach((track, other) => track.hidden = other !== place);
    audio.src = tracks[place].dataset.src;
    go(at);
    if (playing) audio.play();
  }

  button.addEventListener("click", toggle);
  seek.addEventListener("input", () => go(Number(seek.value)));
  player.addEventListener("change", event => {
    if (event.target.type === "radio") choose(Number(event.target.value));
  });
  player.addEventListener("click", event => {
    const field = event.target.closest(".track .field");
    if (!field) return;
    const box = field.getBoundingClientRect();
    go(seconds * (event.clientX - box.left) / box.width);
    seek.focus();
  });
  player.addEventListener("keydown", event => {
    const steps = {ArrowLeft: -0.05, ArrowRight: 0.05};
    if (event.key === " " && event.target !== button) toggle();
    else if (event.target.type !== "radio" && event.key in steps) go(audio.currentTime + steps[event.key]);
    else return;
    event.preventDefault();
  });
  audio.addEventListener("play", () => { alone(audio); name(); show(); });
  for (const event of ["pause", "ended"]) audio.addEventListener(event, () => { name(); show(); });
  audio.addEventListener("seeked", show);
}

function press(button) {
  if (pressed) pressed.setAttribute("aria-pressed", "false");
  pressed = button;
  if (button) button.setAttribute("aria-pressed", "true");
}

document.addEventListener("click", event => {
  const button = event.target.closest(".hear");
  if (!button) return;
  if (button === pressed) { small.pause(); return; }
  small.src = button.dataset.src;
  alone(small);
  press(button);
  small.play();
});
for (const event of ["pause", "ended"]) small.addEventListener(event, () => { if (small.paused) press(null); });
document.querySelectorAll(".player").forEach(listen);
