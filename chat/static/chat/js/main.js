// The first module: reads the data in the page and draws. The lines below end with a semicolon in every module, since
// that is how the storage of static files finds the names it has to replace by hashed ones.

import { effect, html, render } from '../vendor/lair-ui.js';
import { connection, follow, item, roomName, start, state } from './actions.js';
import { Shell } from './shell.js';
import { chosenTheme, setTheme } from './sidebar.js';
import { unreadOf } from './store.js';

const root = document.documentElement
const boot = JSON.parse(document.getElementById('boot').textContent)

root.dataset.build = boot.build
if (!root.dataset.theme) setTheme(chosenTheme())
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  if (chosenTheme() === 'auto') setTheme('auto')
})
effect(() => {
  root.dataset.connection = connection.value
})
effect(() => {
  const unread = Object.values(state.value.rooms).reduce((sum, row) => sum + (row.notifications === 'nothing' ? 0 : unreadOf(row)), 0)
  document.title = `${unread ? `(${unread > 99 ? '99+' : unread}) ` : ''}${item.value ? `${roomName(item.value)} · ` : ''}Lair Chat`
})

start(boot)
follow()
addEventListener('popstate', follow)
render(html`<${Shell} />`, document.getElementById('app'))
