// The video beside the 3D, in step with it.
import { bytesOf } from "./clip.js";

/** Play a video in step. `what` has its type, and a link if it is not in `data` (base64).
 *  `onReady()` is called when it can be sought in, `onFrame()` when a frame appears, `onFail()` if
 *  the browser cannot play it. */
export function openFilm(video, what, data, { onReady, onFrame, onFail }) {
  const film = { ready: false, shown: 0 };
  const again = (_, { mediaTime }) => {
    film.shown = mediaTime;
    onFrame();
    video.requestVideoFrameCallback(again);
  };
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(again);
  else video.addEventListener("seeked", onFrame);
  video.addEventListener("loadeddata", () => {
    film.ready = true;
    onReady();
  });
  video.addEventListener("error", () => {
    film.ready = false;
    onFail();
  });
  video.muted = true;
  video.src = what.link || URL.createObjectURL(new Blob([bytesOf(data)], { type: what.type }));
  /** Seconds of what is on the screen; null once the video has ended. */
  film.time = () => {
    if (!film.ready || video.ended) return null;
    return video.requestVideoFrameCallback ? film.shown : video.currentTime;
  };
  film.seek = (time) => {
    if (Math.abs(video.currentTime - time) > 1e-3) video.currentTime = time;
  };
  film.play = (speed) => {
    video.playbackRate = speed;
    video.play().catch(() => {}); // a browser may refuse: then the page's own clock goes on
  };
  film.pause = () => video.pause();
  return film;
}
