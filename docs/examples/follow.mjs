// Sends a message to a chat and follows the answer over one WebSocket; a lost socket is opened again and resumed.
//
//     URL=http://127.0.0.1:8080 TOKEN=<access token> node follow.mjs <chat session> <text>

const [session, content] = process.argv.slice(2);
const api = `${process.env.URL}/api/v1`;

async function post(path, body, headers = {}) {
  const response = await fetch(api + path, {
    method: "POST",
    headers: { authorization: `Bearer ${process.env.TOKEN}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail);
  return answer;
}

/** The events of an answer, each once, however often the socket is lost. */
async function* follow(chat_session, message) {
  for (let after = 0; ; ) {
    const { ticket } = await post("/auth/ws-ticket", {});
    const socket = new WebSocket(`${api.replace(/^http/, "ws")}/ws?ticket=${ticket}`);
    const subscribe = { chat_session, message, after };
    socket.onopen = () => socket.send(JSON.stringify({ id: "answer", subscribe }));
    for await (const frame of frames(socket)) {
      if (frame.problem) throw new Error(frame.problem.detail);
      if (frame.end) return socket.close();
      after = frame.event.n;
      yield frame.event;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The frames of a socket until it is closed. */
async function* frames(socket) {
  const queue = [];
  let wake;
  const put = (item) => (queue.push(item), wake?.());
  socket.onmessage = ({ data }) => put(JSON.parse(data));
  socket.onclose = () => put(null);
  for (;;) {
    while (queue.length > 0) {
      const frame = queue.shift();
      if (frame === null) return;
      yield frame;
    }
    await new Promise((resolve) => (wake = resolve));
  }
}

const turn = await post(`/chat/sessions/${session}/messages`, { content }, { prefer: "respond-async" });
const said = new Map(); // by node
for await (const event of follow(session, turn.answer.id)) {
  if (event.type === "token") {
    said.set(event.node, (event.anew ? "" : (said.get(event.node) ?? "")) + event.text);
    console.log(event.n, said.get(event.node));
  }
  if (event.type === "tool_call") console.log(event.n, `${event.name}(${JSON.stringify(event.arguments)})`);
  if (event.type === "done") console.log(event.n, "done:", event.message.content);
}
