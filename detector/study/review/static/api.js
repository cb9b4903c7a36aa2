// Everything the page asks the program for. Answers are values; texts in them go into the page as text only.

const word = document.querySelector('meta[name="nasalis-word"]').content;
export const settings = JSON.parse(document.querySelector('meta[name="nasalis-settings"]').content);

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("nasalis review no longer answers: start it again and open the address that it prints.");
  }
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 500) || `The program answered ${answer.status}.`);
  return answer.json();
}

function send(path, value) {
  const headers = { "content-type": "application/json", "x-nasalis-word": word };
  return ask(path, { method: "POST", headers, body: JSON.stringify(value) });
}

export const list = () => ask("/api/list");
export const session = (run) => ask(`/api/session/${run}`);
export const episode = (run, number) => ask(`/api/episode/${run}/${number}`);
export const say = (run, number, what) => send(`/api/episode/${run}/${number}`, what);
export const clip = (run, number) => ask(`/api/episode/${run}/${number}/clip`);
export const askReplay = (run, number) => send(`/api/episode/${run}/${number}/replay`, {});
export const quit = () => send("/api/quit", {});
export const traces = (run, from, to, columns, signal) =>
  ask(`/api/session/${run}/traces?from=${from}&to=${to}&columns=${columns}`, { signal });
