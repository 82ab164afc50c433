// The page around the pictures: what is known of the clip.

const add = (tag, text, parent) => {
  const node = document.createElement(tag);
  node.textContent = text;
  return parent.appendChild(node);
};

/** Fill the "about" panel and the lists from a clip; `byId` finds an element. */
export function fillAbout(byId, clip) {
  const { people, length } = clip;
  byId("summary").textContent = clip.summary;
  byId("image-size").textContent = clip.image_size ? clip.image_size.join(" × ") + " px" : "";
  byId("scrub").max = length - 1;
  byId("play").disabled = byId("scrub").disabled = length < 2;
  byId("who").hidden = people.length < 2;
  byId("middle").hidden = people.length > 1; // then it has the person's colour
  byId("solid-panel").hidden = !clip.scene;
  byId("flat-panel").hidden = !clip.frame_box && !clip.video;
  add("option", "everyone", byId("person")).value = -1;
  people.forEach((person, i) => (add("option", person.name, byId("person")).value = i));
  for (const part of ["facts", "besides"]) {
    for (const [name, value] of clip[part]) {
      add("dt", name, byId(part));
      add("dd", value, byId(part));
    }
  }
  for (const { who, steps } of clip.histories) {
    add("h3", who ? `History of ${who}` : "History", byId("histories"));
    const list = add("ol", "", byId("histories"));
    for (const step of steps) add("li", step, list);
  }
  add("h3", "What you see", byId("notes"));
  for (const note of clip.notes) add("p", note, byId("notes"));
}
