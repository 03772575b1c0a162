// The dialogs: values of parameters, and what to rename to what.

import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import { clean } from '../../../nbflow/static/view.js';
import { asText, filled, isTicked, placeholder, type Takes } from '../pure/form.js';
import type { Parameter } from '../pure/wire.js';
import { made } from './dom.js';

/** Asks for values of parameters. Null where a person thinks better of it. */
export async function askForParameters(
  parameters: readonly Parameter[],
  trans: TranslationBundle
): Promise<{ [name: string]: unknown } | null> {
  const body = new ParameterForm(parameters, trans);
  const dialog = new Dialog({
    title: trans.__('Run with parameters'),
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Run') })],
    focusNodeSelector: 'input, select, textarea'
  });
  body.node.addEventListener('input', () => body.check(dialog.node));
  const { button, value } = await dialog.launch();
  return button.accept ? value : null;
}

class ParameterForm extends Widget implements Dialog.IBodyWidget<{ [name: string]: unknown } | null> {
  constructor(private readonly parameters: readonly Parameter[], private readonly trans: TranslationBundle) {
    super();
    this.addClass('jp-nbflow-form');
    for (const parameter of parameters) this.node.append(this.row(parameter));
  }

  /** Null where something is wrong. */
  getValue(): { [name: string]: unknown } | null {
    const { values, wrong } = filled(this.parameters, this.texts());
    return wrong.size ? null : values;
  }

  /** Say what is wrong beside its field, and let nobody run with it. */
  check(dialog: HTMLElement): void {
    const { wrong } = filled(this.parameters, this.texts());
    for (const { name } of this.parameters) {
      const field = this.fields.get(name);
      const takes = wrong.get(name);
      field?.setAttribute('aria-invalid', String(takes !== undefined));
      const said = field?.parentElement?.querySelector('.jp-nbflow-wrong');
      if (said) said.textContent = takes === undefined ? '' : takesText(this.trans, takes);
    }
    for (const button of dialog.querySelectorAll<HTMLButtonElement>('.jp-mod-accept')) button.disabled = wrong.size > 0;
  }

  private texts(): Map<string, string> {
    return new Map([...this.fields].map(([name, field]) => [name, field instanceof HTMLInputElement && field.type === 'checkbox' ? String(field.checked) : field.value]));
  }

  private row(parameter: Parameter): HTMLElement {
    const field = this.field(parameter);
    const written = clean(placeholder(parameter));
    field.setAttribute('name', parameter.name);
    if (written) field.title = this.trans.__('The notebook has: %1', written);
    if (!isTicked(parameter)) field.setAttribute('placeholder', written);
    this.fields.set(parameter.name, field);
    return made(
      'label', { class: 'jp-nbflow-field' },
      made('span', { class: 'jp-nbflow-field-name' }, parameter.name), field,
      parameter.type === 'json' ? made('span', { class: 'jp-nbflow-hint' }, this.trans.__('As JSON: 12, "a text", [1, 2] or {"a": "b"}')) : null,
      made('span', { class: 'jp-nbflow-wrong', role: 'alert' })
    );
  }

  private field(parameter: Parameter): HTMLInputElement | HTMLTextAreaElement {
    const text = asText(parameter);
    if (parameter.type === 'json') {
      const area = made('textarea', { class: 'jp-mod-styled', rows: '2', spellcheck: 'false' });
      area.value = text;
      return area;
    }
    const input = made('input', { class: 'jp-mod-styled' });
    if (isTicked(parameter)) {
      input.type = 'checkbox';
      input.checked = text === 'true';
      input.className = '';
      return input;
    }
    if (parameter.type === 'int' || parameter.type === 'float') input.inputMode = parameter.type === 'int' ? 'numeric' : 'decimal';
    input.value = text;
    return input;
  }

  private readonly fields = new Map<string, HTMLInputElement | HTMLTextAreaElement>();
}

function takesText(trans: TranslationBundle, takes: Takes): string {
  switch (takes) {
    case 'bool':
      return trans.__('This takes true or false.');
    case 'int':
      return trans.__('This takes a whole number.');
    case 'float':
      return trans.__('This takes a number.');
    case 'json':
      return trans.__('This takes JSON, as [1, 2] or {"a": "b"}.');
  }
}

export interface Rename {
  kind: 'step' | 'artifact';
  old: string;
  next: string;
}

/** Asks what is to be called otherwise, and how. The first choice stands at first. */
export async function askForRename(
  choices: readonly Pick<Rename, 'kind' | 'old'>[],
  trans: TranslationBundle
): Promise<Rename | null> {
  const select = made('select', { class: 'jp-mod-styled', name: 'what' });
  choices.forEach(({ kind, old }, index) => {
    select.append(made('option', { value: String(index) }, kind === 'step' ? trans.__('step %1', old) : old));
  });
  const input = made('input', { class: 'jp-mod-styled', name: 'next', spellcheck: 'false' });
  const fill = () => {
    input.value = choices[Number(select.value)]?.old ?? '';
  };
  fill();
  select.addEventListener('change', fill);
  const body = new Widget();
  body.addClass('jp-nbflow-form');
  body.node.append(
    made('label', { class: 'jp-nbflow-field' }, made('span', { class: 'jp-nbflow-field-name' }, trans.__('Rename')), select),
    made('label', { class: 'jp-nbflow-field' }, made('span', { class: 'jp-nbflow-field-name' }, trans.__('to')), input)
  );
  const dialog = new Dialog({
    title: trans.__('Rename a step or an artifact'),
    body,
    buttons: [Dialog.cancelButton({ label: trans.__('Cancel') }), Dialog.okButton({ label: trans.__('Rename') })],
    focusNodeSelector: 'input'
  });
  const answer = dialog.launch();
  input.select(); // the name is there to be typed over
  const { button } = await answer;
  const chosen = choices[Number(select.value)];
  const next = input.value.trim();
  return button.accept && chosen && next && next !== chosen.old ? { ...chosen, next } : null;
}
