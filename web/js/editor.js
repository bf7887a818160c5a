// The code editor, loaded when a page first needs one.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching, defaultHighlightStyle, foldGutter, foldKeymap, indentOnInput, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, linter, lintKeymap } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";

const languages = { json: () => [json(), linter(jsonParseLinter())], javascript, python };

const setup = [
  lineNumbers(), foldGutter(), lintGutter(), highlightSpecialChars(), highlightActiveLine(), drawSelection(),
  history(), indentOnInput(), bracketMatching(), closeBrackets(), autocompletion(),
  syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
  keymap.of([
    ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap,
  ]),
];

/**
 * Puts an editor into `parent`, below a shadow root: only there does it style itself by constructed sheets, which
 * the content security policy allows; `change` gets the whole text after each edit. Escape, then Tab, leaves it.
 */
export function mount(parent, text, language, label, change) {
  const extensions = [
    setup,
    languages[language]?.() ?? [],
    EditorView.contentAttributes.of({ "aria-label": label }),
    EditorView.lineWrapping,
    EditorView.updateListener.of((update) => update.docChanged && change(update.state.doc.toString())),
  ];
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
  return new EditorView({ parent: root, root, state: EditorState.create({ doc: text, extensions }) });
}

/** Replaces the text, where it differs. */
export function setText(view, text) {
  const now = view.state.doc.toString();
  if (now !== text) view.dispatch({ changes: { from: 0, to: now.length, insert: text } });
}

export function destroy(view) {
  view.destroy();
}
