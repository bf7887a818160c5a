// Two hundred texts that run a script where they are taken for more than text. Each would call `ran`.

const CODE = "ran(1)";
const DATA = `data:text/html;base64,${btoa(`<script>parent.${CODE}</script>`)}`;

/** What ends the text that an input may stand in. */
const ESCAPES = ["", '">', "'>", "`>", "</title>", "</textarea>", "</script>", "</style>", "--><!-- -->", "]]>", "</p></div></main>"];

const ELEMENTS = [
  `<script>${CODE}</script>`,
  `<ScRiPt >${CODE}</sCrIpT >`,
  `<script src="data:text/javascript,${CODE}"></script>`,
  `<img src=x onerror=${CODE}>`,
  `<img/src="x"/onerror="${CODE}">`,
  `<svg onload=${CODE}>`,
  `<svg><script>${CODE}</script></svg>`,
  `<svg><animate onbegin=${CODE} attributeName=x dur=1s>`,
  `<math><mtext></mtext><img src=x onerror=${CODE}></math>`,
  `<iframe srcdoc="<script>parent.${CODE}</script>"></iframe>`,
  `<iframe src="javascript:parent.${CODE}"></iframe>`,
  `<object data="${DATA}"></object>`,
  `<video><source onerror=${CODE}></video>`,
  `<input autofocus onfocus=${CODE}>`,
  `<details open ontoggle=${CODE}>x</details>`,
];

/** What Markdown would make a link or a picture of, and the spellings that hide its scheme. */
const SCHEMES = [
  `javascript:${CODE}`,
  `JaVaScRiPt:${CODE}`,
  ` javascript:${CODE}`,
  `java&Tab;script:${CODE}`,
  `&#106;avascript:${CODE}`,
  `javascript&colon;${CODE}`,
  `vbscript:${CODE}`,
  DATA,
];
const LINKS = [(url) => `[go](${url})`, (url) => `![go](<${url}>)`, (url) => `<${url.trim()}>`, (url) => `<a href="${url}">go</a>`];

/** What a template or a handler would run. */
const OTHERS = [
  `{{constructor.constructor('${CODE}')()}}`,
  `\${${CODE}}`,
  `<%= ${CODE} %>`,
  `" autofocus onfocus="${CODE}`,
  `' onmouseover='${CODE}`,
];

const ALL = [...OTHERS, ...LINKS.flatMap((link) => SCHEMES.map(link)), ...ESCAPES.flatMap((escape) => ELEMENTS.map((element) => escape + element))];
export const PAYLOADS = [...new Set(ALL)].slice(0, 200);
